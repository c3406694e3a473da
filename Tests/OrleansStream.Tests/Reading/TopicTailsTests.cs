using System.Reflection;
using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Reading.Tails;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Partitions;
using OrleansStream.Records;
using OrleansStream.Tests.Api;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Reading;

/// <summary>Live tails without a protocol around them.</summary>
public sealed class TopicTailsTests
{
    private static readonly TailStart FromStart = new(FetchRequest.Earliest, TimestampMs: null, Place: null);

    private readonly ScriptedTopic _topic = new() { PartitionCount = 2 };
    private readonly TopicTails _tails;

    public TopicTailsTests()
    {
        var grains = DispatchProxy.Create<IGrainFactory, OneGrain>();
        ((OneGrain)grains).Grain = _topic;
        var node = new NodeAnswers(TimeProvider.System);
        _tails = new TopicTails(
            AccessControl.Open, grains, new TopicRoutes(grains), node, new NodeWaits(), new LostReads(TimeProvider.System), TimeProvider.System);
    }

    [Fact]
    public async Task Open_WhenThereAreAsManyAsMayBe_IsRefusedUntilOneEnds()
    {
        var open = new List<TopicTail>();
        for (var i = 0; i < ReadingLimits.TailsMax; i++)
            open.Add(await OpenAsync(FromStart));
        var refused = await Assert.ThrowsAsync<StreamException>(() => OpenAsync(FromStart));
        Assert.Equal(StreamErrorCode.ThrottlingQuotaExceeded, refused.Error.Code);
        open[0].Dispose();
        open[0] = await OpenAsync(FromStart);
        open.ForEach(tail => tail.Dispose());
    }

    [Fact]
    public async Task Open_WhenItFails_DoesNotCount()
    {
        _topic.Error = new StreamError(StreamErrorCode.PartitionOffline, "later");
        for (var i = 0; i <= ReadingLimits.TailsMax; i++)
        {
            var failed = await Assert.ThrowsAsync<StreamException>(() => OpenAsync(FromStart));
            Assert.Equal(StreamErrorCode.PartitionOffline, failed.Error.Code);
        }
    }

    [Fact]
    public async Task Run_WhenAnotherTopicTakesTheName_TellsTheGapWithItsPlaceLast()
    {
        var before = _topic.Id;
        using var tail = await OpenAsync(FromStart);
        var sink = new EventSink { RecordsUntilRecreated = 1, Topic = _topic };
        await tail.RunAsync(sink, recordsMax: 2, TestContext.Current.CancellationToken);
        Assert.Equal(
            [
                "connected", "record 0:0", $"place {before:N} 1,0",
                "gap 0:1-0 TopicRecreated", "gap 1:0-0 TopicRecreated", $"place {_topic.Id:N} 0,0", "record 0:0", $"place {_topic.Id:N} 1,0",
            ],
            sink.Events);
    }

    [Fact]
    public async Task Run_WhenResumedWithoutATopic_SaysThatThePlaceIsUnbound()
    {
        using var tail = await OpenAsync(FromStart with { Place = new TailPlace(null, new Dictionary<int, long> { [1] = 7 }) });
        var sink = new EventSink();
        await tail.RunAsync(sink, recordsMax: 1, TestContext.Current.CancellationToken);
        Assert.Equal(["connected", "unbound", $"place {_topic.Id:N} 0,7", "record 0:0", $"place {_topic.Id:N} 1,7"], sink.Events);
    }

    private Task<TopicTail> OpenAsync(TailStart start) => _tails.OpenAsync(Caller.Anonymous, "t", start, TestContext.Current.CancellationToken).AsTask();

    /// <summary>Notes the events.</summary>
    private sealed class EventSink : ITailSink
    {
        private int _records;

        public List<string> Events { get; } = [];

        public int RecordsUntilRecreated { get; init; }

        public ScriptedTopic? Topic { get; init; }

        public bool MustWait => false;

        public ValueTask GoOnAsync() => ValueTask.CompletedTask;

        public ValueTask FlushAsync()
        {
            if (Topic is not null && _records == RecordsUntilRecreated)
            {
                _records++;
                Topic.CreateAnew(partitionCount: 2);
            }

            return ValueTask.CompletedTask;
        }

        public void Write(OpenBatch batch, int partition, in RecordView record)
        {
            _records++;
            Events.Add($"record {partition}:{record.Offset}");
        }

        public void WriteUnreadable(int partition, in UnreadableRecords records) => Events.Add($"unreadable {partition}:{records.Offset}");

        public void WriteConnected() => Events.Add("connected");

        public void WriteHeartbeat() => Events.Add("heartbeat");

        public void WriteGaps(IEnumerable<TailGap> gaps) =>
            Events.AddRange(gaps.Select(gap => $"gap {gap.Partition}:{gap.From}-{gap.To} {gap.Reason}"));

        public void WriteUnbound(Guid topicId) => Events.Add("unbound");

        public void WriteUnavailable(int partition, long offset, StreamError reason) => Events.Add($"unavailable {partition}");

        public void WriteError(StreamError reason) => Events.Add($"error {reason.Code}");

        public bool EndEvent(Guid topicId, ReadOnlySpan<long> offsets, bool isPlaceNeeded)
        {
            Events.Add($"place {topicId:N} {string.Join(',', offsets.ToArray())}");
            return true;
        }
    }
}
