// What Sphinx's own scripts leave on a page, as far as assets/course.js uses it.
declare const DOCUMENTATION_OPTIONS: { SHOW_SEARCH_SUMMARY: boolean };
declare const Search: { htmlToText: (html: string, anchor: string) => string };
