/* Runs a fuzz target over the files and folders that are named, so that every corpus file is a regression test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int files;

static int complain(const char *path)
{
    perror(path);
    return 1;
}

static int run_file(const char *path, off_t size)
{
    FILE *f = fopen(path, "rb");
    /* Exactly as long as the input, so that a read past its end is seen. */
    uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
    if (f == NULL || data == NULL || fread(data, 1, (size_t)size, f) != (size_t)size) return complain(path);
    fclose(f);
    LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    files++;
    return 0;
}

static int run(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) return complain(path);
    if (!S_ISDIR(st.st_mode)) return run_file(path, st.st_size);

    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort), failed = 0;
    if (n < 0) return complain(path);
    for (int i = 0; i < n; i++) {
        char inner[4096];
        snprintf(inner, sizeof(inner), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') failed |= run(inner);
        free(entries[i]);
    }
    free(entries);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    LLVMFuzzerTestOneInput(NULL, 0);
    for (int i = 1; i < argc; i++) failed |= run(argv[i]);
    printf("%d files\n", files);
    return failed != 0 || (argc > 1 && files == 0); /* an empty corpus tests nothing */
}
