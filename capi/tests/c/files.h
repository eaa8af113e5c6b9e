// Files and paths as tests use them: in a directory of the process, which is gone when it ends.

#ifndef FILES_H
#define FILES_H

#include "check.h"

static char directory_name[] = "/tmp/nng-test-XXXXXX";

static inline void directory_remove(void)
{
    rmdir(directory_name);
}

// A directory of one's own, for paths that are short enough. It goes with the process, if it is
// empty by then.
static inline const char *directory(void)
{
    static bool made;

    if (!made) {
        CHECK(mkdtemp(directory_name) != NULL);
        atexit(directory_remove);
        made = true;
    }
    return directory_name;
}

static inline const char *path_in_directory(const char *name)
{
    static char path[100];

    snprintf(path, sizeof path, "%s/%s", directory(), name);
    return path;
}

// Writes a file of two texts; returns its path.
static inline const char *file_of(const char *name, const char *first, const char *second)
{
    const char *path = path_in_directory(name);
    FILE *file = fopen(path, "w");

    CHECK(file != NULL);
    CHECK(fputs(first, file) >= 0 && fputs(second, file) >= 0);
    CHECK_EQ(fclose(file), 0);
    return path;
}

// The last test of those who have used the directory.
static inline void the_directory_is_empty_again(void)
{
    CHECK_EQ(rmdir(directory()), 0);
}

#endif // FILES_H
