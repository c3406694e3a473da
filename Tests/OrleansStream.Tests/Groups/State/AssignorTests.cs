using CsCheck;
using OrleansStream.Groups.State;

namespace OrleansStream.Tests.Groups.State;

public sealed class AssignorTests
{
    private static readonly Guid TopicA = new(1, 0, 0, new byte[8]);
    private static readonly Guid TopicB = new(2, 0, 0, new byte[8]);

    [Fact]
    public void Range_WhenTwoTopicsDoNotDivideEvenly_GivesTheFirstMembersOneMore()
    {
        // The example of Kafka's RangeAssignor: C0 has t0p0, t0p1, t1p0, t1p1, and C1 has t0p2, t1p2.
        var assigned = new RangeAssignor().Assign(
            [Member("C0", [], TopicA, TopicB), Member("C1", [], TopicA, TopicB)], Counts((TopicA, 3), (TopicB, 3)));
        Assert.Equal(Set((TopicA, 0), (TopicA, 1), (TopicB, 0), (TopicB, 1)), assigned[0]);
        Assert.Equal(Set((TopicA, 2), (TopicB, 2)), assigned[1]);
    }

    [Theory]
    [InlineData("range")]
    [InlineData("sticky")]
    public void Assign_WhenThereAreMoreMembersThanPartitions_LeavesSomeWithNone(string name)
    {
        var assigned = Assignors.Find(name)!.Assign(
            [.. Enumerable.Range(0, 5).Select(i => Member($"m{i}", [], TopicA))], Counts((TopicA, 3)));
        Assert.Equal([0, 0, 1, 1, 1], assigned.Select(one => one.Count).Order());
    }

    [Fact]
    public void Sticky_WhenAllSubscribeAlike_MovesExactlyWhatBalanceAsksFor() => Gen
        .Select(Gen.Int[1, 12], Gen.Int[0, 40], Gen.Int[0, 20], Gen.Int[-1, 14].Array[60])
        .Sample((memberCount, countA, countB, owners) =>
        {
            // Whatever was before: any partition with any member, or with none (-1, or a member that is gone).
            var all = Enumerable.Range(0, countA).Select(p => new TopicPartition(TopicA, p))
                .Concat(Enumerable.Range(0, countB).Select(p => new TopicPartition(TopicB, p))).ToArray();
            var members = Enumerable.Range(0, memberCount).Select(i => new AssignorMember(
                $"m{i:D2}", new HashSet<Guid> { TopicA, TopicB }, PartitionSet.Of(all.Where((_, index) => owners[index] == i)))).ToArray();

            var assigned = new StickyAssignor().Assign(members, Counts((TopicA, countA), (TopicB, countB)));

            Assert.Equal(PartitionSet.Of(all), PartitionSet.Of(assigned.SelectMany(one => one)));
            Assert.Equal(all.Length, assigned.Sum(one => one.Count));
            Assert.True(assigned.Max(one => one.Count) - assigned.Min(one => one.Count) <= 1);
            // Balanced shares are q or q + 1; the r larger ones go to those who had that many.
            var (q, r) = int.DivRem(all.Length, memberCount);
            var keptAtMost = members.Sum(member => Math.Min(member.Previous.Count, q))
                + Math.Min(r, members.Count(member => member.Previous.Count > q));
            var kept = members.Zip(assigned).Sum(pair => pair.Second.Count(pair.First.Previous.Contains));
            Assert.Equal(keptAtMost, kept);
        });

    [Fact]
    public void Sticky_WhenSubscriptionsDiffer_GivesEachPartitionToASubscriberAndCannotBeMoreBalanced() => Gen
        .Select(Gen.Int[1, 8], Gen.Int[0, 12], Gen.Int[0, 12], Gen.Int[1, 3].Array[8])
        .Sample((memberCount, countA, countB, subscriptions) =>
        {
            var members = Enumerable.Range(0, memberCount).Select(i => Member(
                $"m{i}", [], [.. subscriptions[i] switch { 1 => new[] { TopicA }, 2 => [TopicB], _ => [TopicA, TopicB] }])).ToArray();
            var assigned = new StickyAssignor().Assign(members, Counts((TopicA, countA), (TopicB, countB)));

            var expected = (members.Any(member => member.Topics.Contains(TopicA)) ? countA : 0)
                + (members.Any(member => member.Topics.Contains(TopicB)) ? countB : 0);
            Assert.Equal(expected, assigned.Sum(one => one.Count));
            Assert.All(members.Zip(assigned), pair => Assert.All(pair.Second, p => Assert.Contains(p.TopicId, pair.First.Topics)));
            // No single partition could be passed on for more balance.
            for (var from = 0; from < memberCount; from++)
            {
                for (var to = 0; to < memberCount; to++)
                {
                    if (assigned[from].Any(partition => members[to].Topics.Contains(partition.TopicId)))
                        Assert.True(assigned[from].Count - assigned[to].Count <= 1);
                }
            }
        });

    [Fact]
    public void Sticky_WhenBalanceNeedsAChain_PassesThroughTheMemberBetween()
    {
        // m0 reads a, m1 reads a and b, m2 reads b: what m0 has too many of reaches m2 only by way of m1.
        var assigned = new StickyAssignor().Assign(
            [
                Member("m0", [.. Enumerable.Range(0, 4).Select(p => (TopicA, p))], TopicA),
                Member("m1", [(TopicB, 0), (TopicB, 1)], TopicA, TopicB),
                Member("m2", [], TopicB),
            ],
            Counts((TopicA, 4), (TopicB, 2)));
        Assert.Equal([2, 2, 2], assigned.Select(one => one.Count));
    }

    [Fact]
    public void Sticky_WhenOneOfAThousandLeaves_MovesOnlyWhatItHad()
    {
        var members = Enumerable.Range(0, 1_000).Select(i => Member($"m{i:D4}", [], TopicA)).ToArray();
        var counts = Counts((TopicA, 10_000));
        var before = new StickyAssignor().Assign(members, counts);
        var left = members.Zip(before).Skip(1).Select(pair => pair.First with { Previous = pair.Second }).ToArray();
        var after = new StickyAssignor().Assign(left, counts);
        Assert.All(left.Zip(after), pair => Assert.Equal(pair.First.Previous.Count, pair.Second.Count(pair.First.Previous.Contains)));
    }

    private static AssignorMember Member(string id, (Guid, int)[] previous, params Guid[] topics) =>
        new(id, topics.ToHashSet(), Set(previous));

    private static PartitionSet Set(params (Guid Topic, int Partition)[] partitions) =>
        PartitionSet.Of(partitions.Select(one => new TopicPartition(one.Topic, one.Partition)));

    private static Dictionary<Guid, int> Counts(params (Guid Topic, int Count)[] counts) =>
        counts.ToDictionary(one => one.Topic, one => one.Count);
}
