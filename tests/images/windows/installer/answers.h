/* An answer file as a list of paths and values. */
#include <stddef.h>

struct answers;

/* NULL if the text is not well-formed XML, or begins with a byte-order mark: Windows ignores such a file in silence. */
struct answers *parse_answers(const char *text, size_t length);

/* The value number `which` (from 0) of the setting `path` below "pass/component/"; NULL if there is none. */
const char *answer(const struct answers *answers, const char *component, const char *path, int which);
