using System.Collections.Immutable;
using OrleansStream.Tests.Cluster;
using OrleansStream.Topics;
using OrleansStream.Topics.Partitioning;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Topics;

/// <summary>What it costs in memory to choose the partitions of a request's records: nothing for a record more.</summary>
public sealed class SplitMemoryTests
{
    private const int FewRecords = 10;
    private const int ManyRecords = 1_000;
    private const int RequestCount = 200;

    private static readonly TopicView Topic = MakeTopic();
    private static readonly AppendContext Context = new(Topic, new StickyPartitioner(0), Batches.NowMs);

    [Fact]
    public void Plan_OfMoreRecords_AllocatesNoMore()
    {
        byte[] few = Make(FewRecords);
        byte[] many = Make(ManyRecords);
        // What they share, such as pooled arrays of each size, is there after a first round.
        Measure(few);
        Measure(many);

        long forFew = Measure(few);
        long forMany = Measure(many);

        double perRecord = (forMany - forFew) / (double)(RequestCount * (ManyRecords - FewRecords));
        Assert.True(perRecord < 1, $"A record more costs {perRecord:F2} bytes; a request of {FewRecords} costs {forFew / RequestCount}.");
    }

    private static long Measure(byte[] batches)
    {
        byte[] written = new byte[2 * batches.Length];
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < RequestCount; i++)
        {
            using AppendPlan plan = AppendPlanner.Plan(Batches.Request(batches), Context, out _)!;
            Assert.Equal(4, plan.Parts.Count);
            // As the logs do it, and the answer.
            foreach (PlannedPart part in plan.Parts)
                part.Batches.CopyTo(written);
            plan.RecordMemory!.Dispose();
        }

        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static byte[] Make(int count) =>
        Batches.Of([.. Enumerable.Range(0, count).Select(i => ((string?)$"key-{i}", "a value of some length, as events have"))]);

    private static TopicView MakeTopic()
    {
        var topic = new TopicMetadata(
            "topic", Guid.NewGuid(), 4, ImmutableSortedDictionary<string, string>.Empty, Version: 1, DateTimeOffset.UnixEpoch);
        return new TopicView(topic, TopicConfig.From(topic.Config), ReadAt: 0);
    }
}
