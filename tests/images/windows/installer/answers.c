/* Just enough XML to read an answer file: elements, attributes, text and the five entities. */
#define _GNU_SOURCE
#include "answers.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 16

struct answers {
    struct setting { char *path, *value; } settings[512];
    int count;
};

struct place {
    const char *at, *end;
    char *names[DEPTH];
    int depth;
};

static char *text_between(const char *from, const char *to)
{
    static const char *const entities[][2] = {{"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}, {"&quot;", "\""}, {"&apos;", "'"}};
    char *text = calloc(1, to - from + 1), *out = text;
    while (from < to) {
        size_t skip = 1;
        *out = *from;
        for (size_t i = 0; *from == '&' && i < sizeof entities / sizeof *entities; i++)
            if (strncmp(from, entities[i][0], strlen(entities[i][0])) == 0) {
                *out = *entities[i][1];
                skip = strlen(entities[i][0]);
            }
        out++, from += skip;
    }
    *out = 0;
    return text;
}

/* The name that stands for an element in a path: settings by their pass, components by their name. */
static char *name_of(const char *from, const char *to)
{
    char *tag = text_between(from, to), *name = NULL;
    const char *attribute = strncmp(tag, "settings ", 9) == 0 ? " pass=\"" : strncmp(tag, "component ", 10) == 0 ? " name=\"" : NULL;
    char *found = attribute ? strstr(tag, attribute) : NULL;
    if (found) {
        found += strlen(attribute);
        name = strndup(found, strcspn(found, "\""));
    } else {
        name = strndup(tag, strcspn(tag, " \t\r\n/"));
    }
    free(tag);
    return name;
}

static void add(struct answers *answers, const struct place *place, const char *from, const char *to)
{
    char path[1024] = "";
    for (int i = 1; i < place->depth; i++) { /* the root's name says nothing */
        strncat(path, place->names[i], sizeof path - strlen(path) - 2);
        strcat(path, i + 1 < place->depth ? "/" : "");
    }
    if (answers->count < 512)
        answers->settings[answers->count++] = (struct setting){strdup(path), text_between(from, to)};
}

/* Take one tag at `place`; 0 if it does not fit. `opened` is where the text of the innermost element began. */
static int take_tag(struct answers *answers, struct place *place, const char **opened)
{
    const char *close = memchr(place->at, '>', place->end - place->at), *tag = place->at + 1;
    if (!close)
        return 0;
    if (*tag == '?' || *tag == '!') {
        place->at = close + 1;
        return 1;
    }
    if (*tag == '/') {
        char *name = place->depth ? place->names[place->depth - 1] : "";
        int fits = place->depth > 0 && (place->depth <= 3 || (strncmp(tag + 1, name, strlen(name)) == 0 && tag[1 + strlen(name)] == '>'));
        if (*opened && fits)
            add(answers, place, *opened, place->at);
        place->depth -= fits;
        *opened = NULL;
        place->at = close + 1;
        return fits;
    }
    if (place->depth == DEPTH || !isalpha((unsigned char)*tag))
        return 0;
    place->names[place->depth++] = name_of(tag, close);
    place->depth -= close[-1] == '/';
    place->at = *opened = close + 1;
    return 1;
}

struct answers *parse_answers(const char *text, size_t length)
{
    struct answers *answers = calloc(1, sizeof *answers);
    struct place place = {text, text + length, {0}, 0};
    const char *opened = NULL;
    if (length < 5 || strncmp(text, "<?xml", 5) != 0)
        return NULL;
    while (place.at < place.end) {
        if (*place.at != '<')
            place.at++;
        else if (!take_tag(answers, &place, &opened))
            return NULL;
    }
    return place.depth == 0 ? answers : NULL;
}

const char *answer(const struct answers *answers, const char *component, const char *path, int which)
{
    for (int i = 0; answers && i < answers->count; i++) {
        const struct setting *setting = &answers->settings[i];
        if (strncmp(setting->path, component, strlen(component)) == 0 && strcmp(setting->path + strlen(component), path) == 0 && which-- == 0)
            return setting->value;
    }
    return NULL;
}
