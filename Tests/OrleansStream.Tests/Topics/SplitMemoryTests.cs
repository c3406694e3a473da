using System.Collections.Immutable;
using OrleansStream.Tests.Support;
using OrleansStream.Topics;
using OrleansStream.Topics.Partitioning;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Topics;

/// <summary>What it costs in memory to choose the partitions of a request's records: nothing for a record more.</summary>
public sealed class SplitMemoryTests
{
    private const int RequestCount = 200;

    private static readonly TopicView Topic = MakeTopic();
    private static readonly AppendContext Context = new(Topic, new StickyPartitioner(0), Batches.NowMs, Identity: null, new RewriteMemory());

    [Fact]
    public void Plan_OfMoreRecords_AllocatesNoMore()
    {
        var requests = new Dictionary<int, (byte[] Batches, byte[] Written)>();
        Allocations.AssertNoneForARecordMore(
            count =>
            {
                if (!requests.TryGetValue(count, out var request))
                {
                    var batches = Make(count);
                    requests[count] = request = (batches, new byte[2 * batches.Length]);
                }

                Plan(request.Batches, request.Written);
            },
            RequestCount);
    }

    private static void Plan(byte[] batches, byte[] written)
    {
        for (var i = 0; i < RequestCount; i++)
        {
            using var plan = AppendPartitioner.Partition(Batches.Request(batches), Context, out _)!;
            Assert.Equal(4, plan.Parts.Count);
            // As the logs do it, and the answer.
            foreach (var part in plan.Parts)
                part.Batches.CopyTo(written);
            plan.RecordMemory!.Dispose();
        }
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
