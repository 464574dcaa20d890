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

static size_t place_of(const Records *records, const uint8_t *key)
{
    size_t place = 0;
    while (place < records->count &&
           memcmp(record(records, place), key, records->record_bytes) != 0)
        place++;
    return place;
}

/* The list by the model, each element once, in some order. */
static void put_answers(const Model *model, const Question *of, Records *answers)
{
    uint8_t answer[sizeof(groupscan_membership_entry6)];
    size_t bytes = of->six ? sizeof(groupscan_interface6) : sizeof(groupscan_interface4), n;
    if (of->list == MEMBERSHIPS)
        bytes = of->six ? sizeof(groupscan_membership_entry6) : sizeof(groupscan_membership_entry4);
    begin_records(answers, bytes);
    for (n = 0; n < model->count; n++) {
        const Member *at = &model->members[n];
        groupscan_interface4 interface4 = interface4_of(at->interface);
        groupscan_interface6 interface6 = interface6_of(at->interface);
        if (of->list != ALL_INTERFACES && at->group != of->group)
            continue;
        if (of->list == OUTGOING && (at->source != of->source || !(at->flags & JOIN)))
            continue;
        if (of->list == MEMBERSHIPS)
            put_membership(of->six, at, answer);
        else
            memcpy(answer, of->six ? (void *)&interface6 : (void *)&interface4, bytes);
        if (place_of(answers, answer) == answers->count)
            memcpy(next_record(answers), answer, bytes);
    }
}

/* Checks a list against the model, with any capacity: each element once, by ascending source. */
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
    for (n = 0; n < count; n++) {
        size_t place = place_of(&answers, first + n * bytes);
        CHECK(place < answers.count);
        /* Each once. */
        memset(answers.bytes + place * bytes, CANARY, bytes);
        if (of->list == MEMBERSHIPS && n > 0)
            CHECK(memcmp(first + (n - 1) * bytes, first + n * bytes, width(of->six)) <= 0);
    }
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
