"""The words of the parallel corpus: English and French, with what the grammar needs to know about each.

The tables are text, one word a line, so that they can be read and extended without reading code. A form that follows
the rule is left out; a form that does not is written after a slash. A row goes on in a line that begins with spaces.
Words after the grammatical columns are *tags*: the semantic classes that decide who may sleep, what may be drunk, and
which things may be wooden. A noun's own word is always one of its tags, so that a verb or an adjective can also name
single nouns.

``words`` reads the tables, ``morphology`` makes the forms. The file is long because a dictionary is.
"""

__all__ = ["ADJECTIVES", "ASPIRATED", "COMPOUNDS", "IRREGULAR_VERBS", "NAMES", "NOUNS", "VERBS", "rows"]

NOUNS = """
# english[/plural]  french[/plural]  gender  tags
man/men homme m human person adult
woman/women femme f human person adult
boy garçon m human person young
girl fille f human person young
child/children enfant m human person young
king roi m human person ruler
queen reine f human person ruler
doctor médecin m human person job own
nurse infirmière f human person job
teacher professeur m human person job own
student étudiant m human person job
farmer fermier m human person job
baker boulanger m human person job
actor acteur m human person job
actress actrice f human person job
neighbor voisin m human person own
friend ami m human person own
hero/heroes héros m human person
father père m human kin single own
mother mère f human kin single own
brother frère m human kin own
sister sœur f human kin own
uncle oncle m human kin own
aunt tante f human kin own
dog chien m animal pet own
cat chat m animal pet own
horse cheval/chevaux m animal pet own
bird oiseau m animal
mouse/mice souris f animal
hedgehog hérisson m animal
owl hibou/hiboux m animal
bear ours m animal
apple pomme f fruit
pear poire f fruit
tomato/tomatoes tomate f vegetable
onion oignon m vegetable
bean haricot m vegetable
cake gâteau m dish
sandwich sandwich m dish own
omelet omelette f dish
egg œuf m ingredient
bread pain m food mass
cheese fromage m food mass
meat viande f food mass
soup soupe f food mass
water eau f drink mass
milk lait m drink mass
coffee café m drink mass
tea thé m drink mass
wine vin m drink mass
hat chapeau m garment own
coat manteau m garment own
dress robe f garment own
scarf/scarves écharpe f garment own
shoe chaussure f shoe own
book livre m text own
letter lettre f text own
newspaper journal/journaux m text own
poem poème m text own
story histoire f text own
cup tasse f vessel own
glass verre m vessel
bottle bouteille f vessel own
bag sac m bag own
key clé f tool own
knife/knives couteau m tool own
axe hache f tool own
umbrella parapluie m tool own
clock horloge f own
flower fleur f plant
picture tableau m art own
table table f furniture
chair chaise f furniture own
bed lit m furniture own
door porte f opening
window fenêtre f opening
car voiture f vehicle own
bike vélo m vehicle own
boat bateau m vehicle own
train train m transport
plane avion m transport
house maison f building own
castle château m building public
church église f building public
museum musée m building public
hotel hôtel m building public
school école f building public own
hospital hôpital/hôpitaux m building public
station gare f building public
kitchen cuisine f room own
garden jardin m land own
park parc m land
market marché m land public
village village m land own
city ville f land own
forest forêt f land
beach plage f land
island île f land
bridge pont m structure
tree arbre m tree
"""

COMPOUNDS = """
# modifier head[/plural]  french head[/plural]  gender  what links the nouns in French  french modifier  tags
apple juice jus m de pomme drink mass
orange juice jus m de orange drink mass
tomato juice jus m de tomate drink mass
onion soup soupe f à+le oignon food mass
vegetable soup soupe f de légumes food mass
goat cheese fromage m de chèvre food mass
cheese sandwich sandwich m à+le fromage dish own
chocolate cake gâteau m à+le chocolat dish
apple tart tarte f à+les pommes dish
coffee cup tasse f à café vessel own
kitchen knife/knives couteau m de cuisine tool own
winter coat manteau m de hiver garment own
summer dress robe f de été garment own
straw hat chapeau m de paille garment own
history book livre m de histoire text own
love letter lettre f de amour text own
music teacher professeur m de musique human person job own
"""

ADJECTIVES = """
# english  french masculine[/feminine[/before a vowel]]  place  tags of the nouns
#
# Places: "before" or "after" the noun; "before!" only beside a noun, never after "to be".
big gros/grosse before animal fruit vegetable
big grand before furniture building land room garment vehicle tree clock art
small petit before animal fruit vegetable dish furniture building land room vehicle vessel tool clock art bag tree
    bridge
old vieux/vieille/vieil before adult job ruler neighbor friend animal building land room text garment shoe furniture
    vehicle clock tool bag bridge tree
young jeune before adult young job ruler animal neighbor
beautiful beau/belle/bel before woman girl queen actress horse bird cat garment building garden park village city
    forest beach island plant tree art vehicle poem story bridge
new nouveau/nouvelle/nouvel before! job neighbor building text garment shoe furniture vehicle transport bag
good bon/bonne before! job friend
good bon/bonne before food dish fruit wine coffee tea juice text hotel
bad mauvais before! job
bad mauvais before soup wine coffee dish text hotel
long long/longue before letter poem story dress coat scarf bridge table
black noir after garment shoe bag vehicle furniture opening clock umbrella cat dog horse bird
white blanc/blanche after garment shoe plant vehicle furniture opening horse cat house cup
red rouge after garment shoe bag vehicle furniture opening plant umbrella cup apple
blue bleu after garment shoe bag vehicle furniture opening plant umbrella vessel
green vert after garment shoe bag vehicle furniture opening umbrella vessel apple
heavy lourd after furniture bag axe
empty vide after vessel bag room house hotel train beach
clean propre after garment shoe vessel room hotel knife vehicle
dirty sale after garment shoe vessel room hotel knife vehicle opening
expensive cher/chère after garment shoe vehicle furniture wine clock art hotel bag
cold froid after water milk coffee tea soup meat juice
hot chaud after water milk coffee tea soup
ripe mûr after fruit tomato
delicious délicieux/délicieuse after food dish fruit wine coffee tea juice
tired fatigué after adult young job kin ruler neighbor dog horse cat
sick malade after adult young job kin ruler neighbor animal
sad triste after adult young job kin ruler neighbor story
happy heureux/heureuse after adult young job kin ruler neighbor
rich riche after adult job ruler kin neighbor
famous célèbre after actor actress museum castle hotel art poem story hero
intelligent intelligent after adult young job kin animal
honest honnête after adult young job kin neighbor ruler
dangerous dangereux/dangereuse after bear axe knife dog
interesting intéressant after text museum art
wooden en+bois after furniture bridge opening boat house
italian italien/italienne after job wine cheese garment shoe vehicle cake omelet
"""

VERBS = """
# english base [past [participle]] [+ preposition]  =  french infinitive [+ preposition]  aspect  subjects > objects
#
# Aspects: s a state ("knows"); p perception ("sees", never "is seeing"); h also a habit ("reads every day", "is
# reading"); d an action in progress ("is opening"); a over in an instant ("met"); x an accident ("lost"), which nobody
# plans. An @ marks what is done in places. An asterisk marks verbs with être. Subjects: human, animal, young, pet.
eat ate eaten = manger h@ human animal > fruit vegetable dish food ingredient
drink drank drunk = boire h@ human > drink
buy bought = acheter h@ human > fruit vegetable dish food drink ingredient garment shoe book newspaper vessel tool
    furniture vehicle plant clock art bag pet house
see saw seen = voir p@ human animal > human animal tool vehicle transport building plant vessel land tree bridge
    clock bag
hear heard = entendre p@ human animal > human animal train
find found = trouver a@ human > tool garment shoe text pet bag vessel
lose lost = perdre x@ human > tool garment letter book pet bag
wash - = laver h human > garment vehicle fruit vegetable vessel window dog horse
break broke broken = casser x@ human > vessel clock chair window
repair - = réparer d human > vehicle furniture clock opening shoe house umbrella
open - = ouvrir d human > opening bottle letter bag book umbrella
close - = fermer d human > opening bag book umbrella
read read = lire h@ human > text
write wrote written = écrire h@ human > letter poem story book
wear wore worn = porter h human > garment shoe
draw drew drawn = dessiner d@ human > animal building plant vehicle tree land bridge
like - = aimer s human > animal fruit vegetable dish food drink text garment building land art
know knew known = connaître s human > human village city museum poem story
help - = aider h human > human
meet met = rencontrer a@ human > person kin
visit - = visiter d human > museum castle village city church island
choose chose chosen = choisir d@ human > garment shoe book furniture vehicle dish plant art
forget forgot forgotten = oublier x human > tool bag garment letter book
prepare - = préparer h@ human > dish meat soup coffee tea
wait - +for = attendre d@ human > human train plane
look - +for = chercher d@ human > human tool garment shoe text pet bag
look - +at = regarder d human animal > human animal vehicle transport plant art tree clock house castle garden
listen - +to = écouter d@ human > human bird poem story
talk - +to = parler+à h@ human > human
answer - = répondre+à a human > human
give gave given = donner d human > fruit plant text tool vessel garment dish art
send sent = envoyer d human > letter book newspaper plant poem
bring brought = apporter d human > dish plant newspaper chair vessel bag book umbrella
sleep slept = dormir h@ human animal >
work - = travailler h@ human >
sing sang sung = chanter h@ human >
dance - = danser h@ human >
run ran run = courir h@ human animal >
laugh - = rire d@ human >
play - = jouer h@ young pet >
arrive - = arriver* d human >
come came come = venir* d human >
go went gone = aller* h human >
leave left = partir* d human >
return - = revenir* d human >
stay - = rester* d human >
fall fell fallen = tomber* x human >
say said = dire s human >
think thought = penser s human >
know knew known = savoir s human >
hope - = espérer s human >
have had = avoir s human > pet garment vehicle tool bag house garden
need - = avoir+besoin+de s human > tool garment vehicle bag umbrella vessel furniture human
"""

IRREGULAR_VERBS = """
# infinitive  je  il  nous  ils  participle  stem of the future. Other verbs in -er follow the rule.
être suis est sommes sont été ser
avoir ai a avons ont eu aur
boire bois boit buvons boivent bu boir
acheter achète achète achetons achètent acheté achèter
voir vois voit voyons voient vu verr
entendre entends entend entendons entendent entendu entendr
perdre perds perd perdons perdent perdu perdr
ouvrir ouvre ouvre ouvrons ouvrent ouvert ouvrir
lire lis lit lisons lisent lu lir
écrire écris écrit écrivons écrivent écrit écrir
connaître connais connaît connaissons connaissent connu connaîtr
choisir choisis choisit choisissons choisissent choisi choisir
attendre attends attend attendons attendent attendu attendr
répondre réponds répond répondons répondent répondu répondr
envoyer envoie envoie envoyons envoient envoyé enverr
dormir dors dort dormons dorment dormi dormir
courir cours court courons courent couru courr
rire ris rit rions rient ri rir
venir viens vient venons viennent venu viendr
revenir reviens revient revenons reviennent revenu reviendr
aller vais va allons vont allé ir
partir pars part partons partent parti partir
dire dis dit disons disent dit dir
savoir sais sait savons savent su saur
espérer espère espère espérons espèrent espéré espérer
pouvoir peux peut pouvons peuvent pu pourr
devoir dois doit devons doivent dû devr
vouloir veux veut voulons veulent voulu voudr
"""

NAMES = (("paul", 0), ("thomas", 0), ("lucas", 0), ("marie", 1), ("julie", 1), ("anne", 1), ("alice", 1))
"""Names, the same in both languages, with their gender: 0 masculine, 1 feminine."""

ASPIRATED = frozenset({"héros", "hérisson", "hérissons", "hibou", "hiboux", "haricot", "haricots", "hache", "haches"})
"""French words whose h is *aspiré*: they behave as if they began with a consonant (le héros, not l' héros)."""


def rows(table: str) -> list[str]:
    """Split a table into its rows. A line that begins with ``#`` is a comment, one with a space continues a row."""
    lines = [line for line in table.strip().splitlines() if not line.startswith("#")]
    return "\n".join(lines).replace("\n ", " ").splitlines()
