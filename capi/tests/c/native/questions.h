/* All queries of a snapshot, compared with the model. A part of native.c. */

static size_t joins_of(const Model *model)
{
    const Member *before = NULL;
    size_t joins = 0, n;
    for (n = 0; n < model->count; n++) {
        const Member *at = &model->members[n];
        if (!(at->flags & JOIN))
            continue;
        joins += before == NULL || compare_joins(before, at) != 0;
        before = at;
    }
    return joins;
}

static void check_counts(const groupscan_family_stats *counts, const Model *model)
{
    size_t interfaces = 0, n, of;
    for (n = 0; n < model->count; n++) {
        int is_new = 1;
        for (of = 0; of < n; of++)
            is_new = is_new && model->members[of].interface != model->members[n].interface;
        interfaces += (size_t)is_new;
    }
    CHECK_EQ(counts->joins, joins_of(model));
    CHECK_EQ(counts->memberships, model->count);
    CHECK_EQ(counts->interfaces, interfaces);
}

static void check_info(const groupscan_snapshot *snapshot, int six, const Model *model)
{
    static Model none;
    groupscan_snapshot_info info = info_of(snapshot);
    check_counts(&info.ipv4, six ? &none : model);
    check_counts(&info.ipv6, six ? model : &none);
}

/* The lists of a snapshot: for a join, for all memberships, or for a group. */
typedef enum List { OUTGOING, ALL_INTERFACES, MEMBERSHIPS } List;

typedef struct Question {
    const groupscan_snapshot *snapshot;
    int six;
    List list;
    unsigned group;
    unsigned source;
} Question;

static groupscan_status ask(const Question *of, void *list, size_t capacity, size_t *count)
{
    groupscan_join4 join4 = join4_of(of->group, of->source);
    groupscan_join6 join6 = join6_of(of->group, of->source);
    groupscan_interface4 *interfaces4 = (groupscan_interface4 *)list;
    groupscan_interface6 *interfaces6 = (groupscan_interface6 *)list;
    if (of->list == MEMBERSHIPS && of->six)
        return groupscan_snapshot_memberships6(of->snapshot, join6.group,
                                               (groupscan_membership_entry6 *)list, capacity,
                                               count);
    if (of->list == MEMBERSHIPS)
        return groupscan_snapshot_memberships4(of->snapshot, join4.group,
                                               (groupscan_membership_entry4 *)list, capacity,
                                               count);
    if (of->list == ALL_INTERFACES && of->six)
        return groupscan_snapshot_interfaces6(of->snapshot, interfaces6, capacity, count);
    if (of->list == ALL_INTERFACES)
        return groupscan_snapshot_interfaces4(of->snapshot, interfaces4, capacity, count);
    if (of->six)
        return groupscan_snapshot_outgoing6(of->snapshot, &join6, interfaces6, capacity, count);
    return groupscan_snapshot_outgoing4(of->snapshot, &join4, interfaces4, capacity, count);
}

static void put_interface(int six, unsigned number, uint8_t *at)
{
    groupscan_interface4 interface4 = interface4_of(number);
    groupscan_interface6 interface6 = interface6_of(number);
    memcpy(at, six ? (void *)&interface6 : (void *)&interface4,
           six ? sizeof interface6 : sizeof interface4);
}

/* Whether the model has a membership on an interface, for a join that of a join. */
static int has_interface(const Model *model, const Question *of, unsigned interface)
{
    size_t n;
    for (n = 0; n < model->count; n++) {
        const Member *at = &model->members[n];
        CHECK(at->interface < INTERFACES_MOST);
        if (at->interface == interface &&
            (of->list == ALL_INTERFACES ||
             (at->group == of->group && at->source == of->source && (at->flags & JOIN) != 0)))
            return 1;
    }
    return 0;
}

/* The list by the model, ascending. */
static void put_answers(const Model *model, const Question *of, Records *answers)
{
    unsigned interface;
    size_t n;
    if (of->list != MEMBERSHIPS) {
        begin_records(answers,
                      of->six ? sizeof(groupscan_interface6) : sizeof(groupscan_interface4));
        for (interface = 0; interface < INTERFACES_MOST; interface++)
            if (has_interface(model, of, interface))
                put_interface(of->six, interface, next_record(answers));
        return;
    }
    begin_records(answers, of->six ? sizeof(groupscan_membership_entry6)
                                   : sizeof(groupscan_membership_entry4));
    for (n = 0; n < model->count; n++)
        if (model->members[n].group == of->group)
            put_membership(of->six, &model->members[n], next_record(answers));
}

static groupscan_status next_interface(const Question *of, const uint8_t *after, uint8_t *next)
{
    groupscan_join4 join4 = join4_of(of->group, of->source);
    groupscan_join6 join6 = join6_of(of->group, of->source);
    const groupscan_interface4 *after4 = (const groupscan_interface4 *)(const void *)after;
    const groupscan_interface6 *after6 = (const groupscan_interface6 *)(const void *)after;
    groupscan_interface4 *next4 = (groupscan_interface4 *)(void *)next;
    groupscan_interface6 *next6 = (groupscan_interface6 *)(void *)next;
    if (of->list == OUTGOING && of->six)
        return groupscan_snapshot_next_outgoing6(of->snapshot, &join6, after6, next6);
    if (of->list == OUTGOING)
        return groupscan_snapshot_next_outgoing4(of->snapshot, &join4, after4, next4);
    if (of->six)
        return groupscan_snapshot_next_interface6(of->snapshot, after6, next6);
    return groupscan_snapshot_next_interface4(of->snapshot, after4, next4);
}

/* Checks the steps of a list of interfaces: in one place, and behind each interface, also a missing one. */
static void check_interface_steps(const Question *of, const Model *model, const Records *answers)
{
    uint8_t memory[sizeof(groupscan_interface6) + 2], *at = memory + 1;
    size_t bytes = answers->record_bytes, n = 0;
    unsigned interface;
    uint8_t *after = NULL;
    memset(memory, CANARY, sizeof memory);
    for (; n < answers->count; n++, after = at) {
        OK(next_interface(of, after, at));
        CHECK(memcmp(at, record(answers, n), bytes) == 0);
        CHECK(is_untouched(at + bytes, sizeof memory - 1 - bytes));
    }
    if (after == NULL)
        REFUSED(next_interface(of, NULL, results.buffer), NOT_FOUND);
    else
        REFUSED(next_interface(of, after, results.buffer), NOT_FOUND);
    for (interface = 0; interface < INTERFACES_MOST; interface++) {
        uint8_t found[sizeof(groupscan_interface6)], expected_next[sizeof found];
        unsigned later = interface + 1;
        while (later < INTERFACES_MOST && !has_interface(model, of, later))
            later++;
        put_interface(of->six, interface, at);
        if (later == INTERFACES_MOST) {
            REFUSED(next_interface(of, at, results.buffer), NOT_FOUND);
            continue;
        }
        OK(next_interface(of, at, found));
        put_interface(of->six, later, expected_next);
        CHECK(memcmp(found, expected_next, bytes) == 0);
    }
}

/* Checks a list against the model, with any capacity, and the steps of a list of interfaces. */
static void check_list(const Question *of, const Model *model)
{
    static Records answers, whole, part;
    size_t bytes, count = NOWHERE, n;
    uint8_t *first = whole.bytes + 1;
    put_answers(model, of, &answers);
    bytes = answers.record_bytes;
    memset(whole.bytes, CANARY, (answers.count + 2) * bytes);
    OK(ask(of, first, answers.count + 1, &count));
    CHECK_EQ(count, answers.count);
    CHECK(is_untouched(first + count * bytes, bytes));
    CHECK(memcmp(first, answers.bytes, count * bytes) == 0);
    if (of->list != MEMBERSHIPS)
        check_interface_steps(of, model, &answers);
    for (n = 0; n <= count; n += 1 + count / 5) {
        size_t there_are = NOWHERE;
        memset(part.bytes, CANARY, (n + 2) * bytes);
        CHECK_EQ(ask(of, n == 0 ? NULL : part.bytes + 1, n, &there_are),
                 n < count ? BUFFER_TOO_SMALL : GROUPSCAN_OK);
        CHECK_EQ(there_are, count);
        CHECK(memcmp(part.bytes + 1, first, n * bytes) == 0);
        CHECK(is_untouched(part.bytes + 1 + n * bytes, bytes));
    }
}

static void check_lists(const groupscan_snapshot *snapshot, int six, const Model *model,
                        unsigned group, unsigned source)
{
    Question question;
    question.snapshot = snapshot;
    question.six = six;
    question.group = group;
    question.source = source;
    question.list = OUTGOING;
    check_list(&question, model);
    question.list = ALL_INTERFACES;
    check_list(&question, model);
    question.list = MEMBERSHIPS;
    check_list(&question, model);
}

static groupscan_status next_membership(const groupscan_snapshot *snapshot, int six, unsigned order,
                                        const uint8_t *after, uint8_t *next)
{
    const void *from = after;
    void *to = next;
    if (six)
        return groupscan_snapshot_next_membership6(snapshot, order,
                                                   (const groupscan_membership_entry6 *)from,
                                                   (groupscan_membership_entry6 *)to);
    return groupscan_snapshot_next_membership4(snapshot, order,
                                               (const groupscan_membership_entry4 *)from,
                                               (groupscan_membership_entry4 *)to);
}

/* The record of a membership with masks and flags that it cannot have. */
static void put_key(int six, const Member *of, uint8_t *at)
{
    size_t bytes = width(six);
    Member odd = *of;
    odd.flags = 0xdeadbeefu;
    put_membership(six, &odd, at);
    memset(at + bytes, 0x5a, bytes);
    memset(at + 3 * bytes, 0x5a, bytes);
}

/* Checks the step behind a membership, whether or not it exists. */
static void check_step_behind(const groupscan_snapshot *snapshot, int six, const Model *model,
                              const Walk *walk, unsigned order, Member key)
{
    static Records behind;
    uint8_t after[sizeof(groupscan_membership_entry6)], next[sizeof after];
    put_key(six, &key, after);
    expect_all_behind(model, six, walk, &key, &behind);
    if (behind.count == 0) {
        REFUSED(next_membership(snapshot, six, order, after, results.buffer), NOT_FOUND);
        return;
    }
    OK(next_membership(snapshot, six, order, after, next));
    CHECK(memcmp(next, behind.bytes, behind.record_bytes) == 0);
}

/* Checks the steps over all memberships in an order: each once, and behind keys that exist or do not. */
static void check_membership_steps(const groupscan_snapshot *snapshot, int six, const Model *model,
                                   unsigned order)
{
    static Records all;
    uint8_t memory[sizeof(groupscan_membership_entry6) + 2], *at = memory + 1, *after = NULL;
    Walk walk = walk_of(order == GROUPSCAN_BY_GROUP ? VIEW_BY_GROUP : VIEW_BY_INTERFACE);
    size_t n;
    unsigned what;
    expect(model, six, &walk, &all);
    CHECK_EQ(all.count, model->count);
    memset(memory, CANARY, sizeof memory);
    for (n = 0; n < all.count; n++, after = at) {
        OK(next_membership(snapshot, six, order, after, at));
        CHECK(memcmp(at, record(&all, n), all.record_bytes) == 0);
        CHECK(is_untouched(at + all.record_bytes, sizeof memory - 1 - all.record_bytes));
    }
    if (after == NULL)
        REFUSED(next_membership(snapshot, six, order, NULL, results.buffer), NOT_FOUND);
    else
        REFUSED(next_membership(snapshot, six, order, after, results.buffer), NOT_FOUND);
    for (n = 0; n < model->count; n += 1 + model->count / 40) {
        for (what = 0; what < 6; what++) {
            Member key = model->members[n];
            key.group += what == 1;
            key.source += what == 2;
            key.interface += what == 3;
            key.protocol += what == 4;
            if (what == 5)
                key.protocol = UINT_MAX;
            check_step_behind(snapshot, six, model, &walk, order, key);
        }
    }
    check_step_behind(snapshot, six, model, &walk, order, member(0, 0, 0, 0));
    check_step_behind(snapshot, six, model, &walk, order, member(65535, 65535, 65535, 0));
}

/* Checks that the keys from a rank on are the joins of some records. Returns how many a call returned. */
static size_t check_keys(const groupscan_snapshot *snapshot, int six, const Records *joins,
                         size_t rank)
{
    const uint64_t *keys4 = NULL, *words;
    const groupscan_key6 *keys6 = NULL;
    size_t count = NOWHERE, n, of;
    if (six)
        OK(groupscan_snapshot_keys6(snapshot, rank, &keys6, &count));
    else
        OK(groupscan_snapshot_keys4(snapshot, rank, &keys4, &count));
    CHECK((count == 0) == (rank >= joins->count));
    CHECK(count == 0 || count <= joins->count - rank);
    for (n = 0; n < count; n++) {
        const uint8_t *at = record(joins, rank + n);
        uint8_t group_and_source[32];
        memcpy(group_and_source, at + 2 * width(six), width(six));
        memcpy(group_and_source + width(six), at, width(six));
        words = six ? keys6[n].words : &keys4[n];
        for (of = 0; of < 2 * width(six); of++) {
            uint64_t word = words[of / 8];
            CHECK_EQ(word >> (56 - of % 8 * 8) & 0xff, group_and_source[of]);
        }
    }
    return count;
}

static void check_all_keys(const groupscan_snapshot *snapshot, int six, const Model *model)
{
    static Records joins;
    Walk walk = walk_of(GROUPSCAN_VIEW_ALL_SOURCES);
    size_t rank = 0, count;
    expect(model, six, &walk, &joins);
    do {
        count = check_keys(snapshot, six, &joins, rank);
        rank += count;
    } while (count > 0);
    CHECK_EQ(rank, joins.count);
    for (rank = 0; rank < joins.count + 3; rank += 1 + joins.count / 40)
        check_keys(snapshot, six, &joins, rank);
    CHECK_EQ(check_keys(snapshot, six, &joins, joins.count), 0);
    CHECK_EQ(check_keys(snapshot, six, &joins, NOWHERE), 0);
}

/* Checks all queries about a join against the model. */
static void check_join(const groupscan_snapshot *snapshot, int six, const Model *model,
                       unsigned group, unsigned source)
{
    const Member *before = NULL;
    Member key = member(group, source, 0, 0);
    size_t rank = 0, n;
    int contains = 0;
    for (n = 0; n < model->count; n++) {
        const Member *at = &model->members[n];
        if (!(at->flags & JOIN) || (before != NULL && compare_joins(before, at) == 0))
            continue;
        rank += compare_joins(at, &key) < 0;
        contains = contains || compare_joins(at, &key) == 0;
        before = at;
    }
    CHECK_EQ(is_joined(snapshot, six, group, source), contains);
    CHECK_EQ(rank_of(snapshot, six, group, source), rank);
    check_lists(snapshot, six, model, group, source);
}

/* Checks all queries and enumerations of a snapshot against the model. */
static void check_snapshot(const groupscan_snapshot *snapshot, int six, const Model *model)
{
    static Walk walks[WALKS];
    size_t n, step = quick ? 5 : 1, a_call = model->count / 8 + 3;
    check_info(snapshot, six, model);
    check_all_keys(snapshot, six, model);
    check_membership_steps(snapshot, six, model, GROUPSCAN_BY_GROUP);
    check_membership_steps(snapshot, six, model, GROUPSCAN_BY_INTERFACE);
    put_walks(six, walks);
    for (n = 0; n < WALKS; n += step)
        check_walk(snapshot, six, model, &walks[n], a_call);
    for (n = 0; n < model->count; n += 1 + model->count / 40) {
        check_join(snapshot, six, model, model->members[n].group, model->members[n].source);
        check_join(snapshot, six, model, model->members[n].group, model->members[n].source + 1);
        check_join(snapshot, six, model, model->members[n].group + 1, 0);
    }
}

static void check_table(const groupscan_table *table, int six, const Model *model)
{
    groupscan_snapshot *snapshot = taken(table);
    check_snapshot(snapshot, six, model);
    groupscan_snapshot_destroy(snapshot);
}
