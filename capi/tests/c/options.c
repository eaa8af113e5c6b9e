// The parser of command lines.

#include "check.h"

#include <nng/nng.h>
#include <nng/supplemental/util/options.h>

enum { ALPHA = 1, ALPINE, BETA, DATA, SHORT_ONLY };

static const nng_optspec specs[] = {
    { "alpha", 'a', ALPHA, false },
    { "alpine", 0, ALPINE, false },
    { "be", 'b', BETA, false },
    { "beta", 'B', BETA, false },
    { "data", 'D', DATA, true },
    { NULL, 's', SHORT_ONLY, false },
    { NULL, 0, 0, false },
};

static const nng_optspec only_one[] = { { "one", 'o', 7, true }, { NULL, 0, 0, false } };
static const nng_optspec none[] = { { "not", 'n', 0, false } };

static char untouched[] = "untouched";

struct parse {
    int rv, val, index;
    char *arg;
};

static struct parse parse_with(const nng_optspec *table, char *first, char *second, int index)
{
    char program[] = "program";
    char *argv[4] = { program, first, second, NULL };
    struct parse p = { 0, 999, index, untouched };

    p.rv = nng_opts_parse(second ? 3 : first ? 2 : 1, argv, table, &p.val, &p.arg, &p.index);
    return p;
}

static struct parse parse(const char *first, const char *second)
{
    return parse_with(specs, (char *) first, (char *) second, 1);
}

static void check_error(struct parse p, int rv)
{
    CHECK_EQ(p.rv, rv);
    CHECK_EQ(p.val, 999);
    CHECK(p.arg == untouched);
    CHECK_EQ(p.index, 1);
}

static void check_flag(struct parse p, int val)
{
    CHECK_EQ(p.rv, 0);
    CHECK_EQ(p.val, val);
    CHECK(p.arg == untouched);
    CHECK_EQ(p.index, 2);
}

static void check_value(struct parse p, int val, const char *arg, int index)
{
    CHECK_EQ(p.rv, 0);
    CHECK_EQ(p.val, val);
    CHECK_STR(p.arg, arg);
    CHECK_EQ(p.index, index);
}

static void options_end_at_the_first_plain_word(void)
{
    check_error(parse(NULL, NULL), -1);
    check_error(parse("plain", "--alpha"), -1);
    check_error(parse("", NULL), -1);
    check_error(parse_with(specs, NULL, NULL, 1), -1);
    CHECK_EQ(parse_with(specs, (char *) "-a", NULL, 5).rv, -1);
    CHECK_EQ(parse_with(specs, (char *) "-a", NULL, 5).index, 5);
}

static void a_dash_ends_them_and_is_swallowed(void)
{
    struct parse p = parse("-", "x");

    CHECK_EQ(p.rv, -1);
    CHECK_EQ(p.index, 2);
    CHECK_EQ(p.val, 999);
    CHECK(p.arg == untouched);
}

static void long_options_may_be_cut(void)
{
    check_flag(parse("--alpha", NULL), ALPHA);
    check_flag(parse("--alph", NULL), ALPHA);
    check_flag(parse("--alpi", NULL), ALPINE);
    check_error(parse("--alp", NULL), NNG_EAMBIGUOUS);
    check_error(parse("--a", NULL), NNG_EAMBIGUOUS);
    check_error(parse("--alphabet", NULL), NNG_EINVAL);
    check_error(parse("--zeta", NULL), NNG_EINVAL);
    check_error(parse("--ALPHA", NULL), NNG_EINVAL);
}

static void a_whole_name_wins(void)
{
    static const nng_optspec late[] = { { "beta", 0, 1, false }, { "be", 0, 2, false },
        { NULL, 0, 0, false } };

    check_flag(parse("--be", NULL), BETA);
    check_flag(parse("--beta", NULL), BETA);
    // Two names of one option are two names.
    check_error(parse("--b", NULL), NNG_EAMBIGUOUS);
    check_flag(parse_with(late, (char *) "--be", NULL, 1), 2);
}

static void long_options_have_values(void)
{
    check_value(parse("--data=x", NULL), DATA, "x", 2);
    check_value(parse("--data:x", NULL), DATA, "x", 2);
    check_value(parse("--data=", NULL), DATA, "", 2);
    check_value(parse("--data=a=b:c", NULL), DATA, "a=b:c", 2);
    check_value(parse("--da:tcp://h:1", NULL), DATA, "tcp://h:1", 2);
    check_value(parse("--data", "next"), DATA, "next", 3);
    check_value(parse("--data", "--alpha"), DATA, "--alpha", 3);
    check_error(parse("--data", NULL), NNG_ENOARG);
    check_error(parse("--alpha=x", NULL), NNG_EINVAL);
    check_error(parse("--alpha:", NULL), NNG_EINVAL);
}

static void short_options_are_one_letter(void)
{
    check_flag(parse("-a", NULL), ALPHA);
    check_flag(parse("-B", NULL), BETA);
    check_flag(parse("-s", NULL), SHORT_ONLY);
    check_error(parse("-as", NULL), NNG_EINVAL);
    check_error(parse("-z", NULL), NNG_EINVAL);
    check_error(parse("-A", NULL), NNG_EINVAL);
}

static void short_options_have_values(void)
{
    check_value(parse("-Dx", NULL), DATA, "x", 2);
    check_value(parse("-D=x", NULL), DATA, "=x", 2);
    check_value(parse("-D", "next"), DATA, "next", 3);
    check_value(parse("-D", "-a"), DATA, "-a", 3);
    check_value(parse("-D", ""), DATA, "", 3);
    check_error(parse("-D", NULL), NNG_ENOARG);
}

static void a_table_ends_at_the_value_zero(void)
{
    check_error(parse_with(none, (char *) "--not", NULL, 1), NNG_EINVAL);
    check_error(parse_with(none, (char *) "-n", NULL, 1), NNG_EINVAL);
    check_error(parse_with(none, (char *) "plain", NULL, 1), -1);
}

static void a_name_of_nothing_is_the_beginning_of_all(void)
{
    check_error(parse("--=x", NULL), NNG_EAMBIGUOUS);
    check_error(parse_with(none, (char *) "--=x", NULL, 1), NNG_EINVAL);
    check_value(parse_with(only_one, (char *) "--=x", NULL, 1), 7, "x", 2);
}

static void two_dashes_end_the_options(void)
{
    struct parse p = parse("--", "--alpha");

    CHECK_EQ(p.rv, -1);
    CHECK_EQ(p.index, 2);
    CHECK_EQ(p.val, 999);
    CHECK(p.arg == untouched);
    p = parse_with(only_one, (char *) "--", (char *) "x", 1);
    CHECK_EQ(p.rv, -1);
    CHECK_EQ(p.index, 2);
}

static void a_whole_line_is_read_by_and_by(void)
{
    char *argv[] = { (char *) "program", (char *) "-a", (char *) "--data", (char *) "one",
        (char *) "-Dtwo", (char *) "--alpine", (char *) "rest", (char *) "-a", NULL };
    int index = 1, val = 0;
    char *arg = NULL;

    CHECK_EQ(nng_opts_parse(8, argv, specs, &val, &arg, &index), 0);
    CHECK_EQ(val, ALPHA);
    CHECK_EQ(nng_opts_parse(8, argv, specs, &val, &arg, &index), 0);
    CHECK_EQ(val, DATA);
    CHECK(arg == argv[3]);
    CHECK_EQ(nng_opts_parse(8, argv, specs, &val, &arg, &index), 0);
    CHECK(arg == argv[4] + 2);
    CHECK_EQ(nng_opts_parse(8, argv, specs, &val, &arg, &index), 0);
    CHECK_EQ(val, ALPINE);
    CHECK_EQ(nng_opts_parse(8, argv, specs, &val, &arg, &index), -1);
    CHECK_EQ(index, 6);
    CHECK_EQ(sizeof(nng_optspec), 24);
}

static const struct check_test tests[] = {
    TEST(options_end_at_the_first_plain_word),
    TEST(a_dash_ends_them_and_is_swallowed),
    TEST(long_options_may_be_cut),
    TEST(a_whole_name_wins),
    TEST(long_options_have_values),
    TEST(short_options_are_one_letter),
    TEST(short_options_have_values),
    TEST(a_table_ends_at_the_value_zero),
    TEST(a_name_of_nothing_is_the_beginning_of_all),
    TEST(two_dashes_end_the_options),
    TEST(a_whole_line_is_read_by_and_by),
};

CHECK_MAIN(tests)
