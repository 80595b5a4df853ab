/* stderr goes into a file while somebody listens. */
#include "told.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static int before = -1;
static FILE *heard;
static char said[8192];

void told_begin(void)
{
    fflush(stderr);
    before = dup(STDERR_FILENO);
    heard = tmpfile();
    assert_true(before >= 0 && heard && dup2(fileno(heard), STDERR_FILENO) >= 0);
}

const char *told_end(void)
{
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    rewind(heard);
    said[fread(said, 1, sizeof said - 1, heard)] = '\0';
    fclose(heard);
    return said;
}

struct table *told_table(const char *bytes, size_t len)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    rewind(file);
    return table_read(file, "test", TEXT_EN);
}
