using System.Collections.Immutable;
using System.Reflection;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Groups;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Groups;
using OrleansStream.Partitions;
using OrleansStream.Randomness;
using OrleansStream.Records;
using OrleansStream.Tests.Support;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Groups;

/// <summary>Polls without a service: a group whose one member has all partitions of one topic, whose logs are in memory.</summary>
internal sealed class PollRig
{
    public const string Topic = "t";
    public const string Group = "g";
    public const string Member = "m";
    private static readonly GroupRetryPolicy Policy = new(MaxAttempts: 3, [0], Jitter: 0, InPlace: false, DeadLetterTopic: null);
    private readonly MemberToken _token = new(Guid.NewGuid(), 1);
    private readonly List<byte[]>[] _logs;
    private readonly IGrainFactory _grains;

    public PollRig(int partitionCount)
    {
        _logs = [.. Enumerable.Range(0, partitionCount).Select(_ => new List<byte[]>())];
        Ends = new long[partitionCount];
        Committed = [.. Enumerable.Repeat(-1L, partitionCount)];
        _grains = Answering.By<IGrainFactory>((method, _) =>
            method.GetGenericArguments().Single() == typeof(IConsumerGroupGrain) ? Answering.By<IConsumerGroupGrain>(AnswerOfGroup)
                : Answering.By<ITopicRouterGrain>(AnswerOfRouter));
    }

    /// <summary>The node's memory for answers.</summary>
    public NodeAnswers Node { get; } = new(TimeProvider.System);

    /// <summary>The end of each log.</summary>
    public long[] Ends { get; }

    /// <summary>What is committed of each partition, or -1.</summary>
    public long[] Committed { get; }

    /// <summary>The topic's id.</summary>
    public Guid TopicId { get; } = Guid.NewGuid();

    /// <summary>The partition that is of the retry topic; -1 for none.</summary>
    public int RetryPartition { get; init; } = -1;

    /// <summary>The records of partition 0 that wait in place.</summary>
    public ImmutableArray<HeldOffset> Holds { get; set; } = [];

    /// <summary>What a wait for the group's news gives.</summary>
    public GroupWaitResponse News { get; set; } = new(HasNews: false, GroupLimits.LeaseMsDefault);

    /// <summary>The topic of a partition.</summary>
    public string TopicOf(int partition) => partition == RetryPartition ? RetryTopics.RetryOf(Topic, Group) : Topic;

    /// <summary>Appends a batch.</summary>
    public void Append(int partition, byte[] batch)
    {
        RecordBatchHeader.StampBaseOffset(batch, Ends[partition]);
        _logs[partition].Add(batch);
        Ends[partition] = HeaderOf(batch).NextOffset;
    }

    /// <summary>Opens a poll and reads.</summary>
    public async Task<GroupPoll> ReadAsync(string? cursor, int recordsMax = 100, int bytesMax = 1024)
    {
        var poll = Open(cursor, recordsMax, bytesMax);
        Assert.Null(await poll.JoinAsync(TestContext.Current.CancellationToken));
        Assert.Null(await poll.ReadAsync(TestContext.Current.CancellationToken));
        return poll;
    }

    /// <summary>Opens a poll.</summary>
    public GroupPoll Open(string? cursor, int recordsMax = 100, int bytesMax = 1024, RandomSource? random = null) =>
        new GroupPolls(AccessControl.Open, _grains, new TopicRoutes(_grains), new LogEnds(new TopicRoutes(_grains)), TimeProvider.System, Node,
            new NodeWaits(), random).Open(Caller.Anonymous, Group, Member, new PollOptions
        {
            Topics = [Topic],
            Cursor = cursor is null ? null : GroupCursor.Read(cursor, Group, Member),
            RecordsMax = recordsMax,
            BytesMax = bytesMax,
            LeaseMs = GroupLimits.LeaseMsDefault,
        });

    private object AnswerOfGroup(MethodInfo method, object?[] arguments)
    {
        if (method.Name == nameof(IConsumerGroupGrain.WaitAsync))
            return Task.FromResult(News);
        foreach (var offset in arguments[0] is GroupPollRequest poll ? poll.Commits : (ImmutableArray<PartitionOffset>)arguments[2]!)
            Committed[offset.Partition] = Math.Max(Committed[offset.Partition], offset.Offset);
        return Task.FromResult(new GroupMemberResponse(null, _token, GroupLimits.LeaseMsDefault, [.. Committed.Select(
            (committed, i) => new AssignedPartition(TopicOf(i), TopicId, i, committed) { Holds = i == 0 ? Holds : [] })],
            RetryPartition < 0 ? null : Policy));
    }

    private object AnswerOfRouter(MethodInfo method, object?[] arguments)
    {
        Assert.Equal(nameof(ITopicRouterGrain.FetchAsync), method.Name);
        return new ValueTask<FetchResponse>(FetchAsync((int)arguments[0]!, (FetchRequest)arguments[1]!, (CancellationToken)arguments[2]!));
    }

    private async Task<FetchResponse> FetchAsync(int partition, FetchRequest request, CancellationToken ended)
    {
        var offset = request.Offset == FetchRequest.Earliest ? 0 : request.Offset;
        var found = new List<byte[]>();
        foreach (var batch in _logs[partition].Where(batch => HeaderOf(batch).NextOffset > offset))
        {
            if (found.Count > 0 && found.Sum(one => one.Length) + batch.Length > request.BytesMax)
                break;
            found.Add(batch);
        }

        // Nothing is appended while somebody waits.
        if (found.Count == 0 && request.WaitMs > 0)
            await Pacing.StandStillAsync(ended);
        return new FetchResponse(null, offset, found.SelectMany(batch => batch).ToArray(), Ends[partition], LogStartOffset: 0);
    }

    private static RecordBatchHeader HeaderOf(byte[] batch)
    {
        var scanner = new RecordBatchScanner(batch, checkCrc: false);
        Assert.True(scanner.MoveNext());
        return scanner.Header;
    }
}

/// <summary>An interface whose every call is answered by one function.</summary>
public class Answering : DispatchProxy
{
    private Func<MethodInfo, object?[], object?> _answer = (_, _) => null;

    /// <summary>Makes one.</summary>
    public static T By<T>(Func<MethodInfo, object?[], object?> answer)
        where T : class
    {
        var made = Create<T, Answering>();
        ((Answering)(object)made)._answer = answer;
        return made;
    }

    /// <inheritdoc/>
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => _answer(targetMethod!, args ?? []);
}
