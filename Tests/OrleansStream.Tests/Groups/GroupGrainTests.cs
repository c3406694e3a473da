using System.Collections.Immutable;
using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.TestingHost;
using OrleansStream.Errors;
using OrleansStream.Groups;
using OrleansStream.Groups.State;
using OrleansStream.Hosting;
using OrleansStream.Storage;
using OrleansStream.Storage.Memory;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Groups;

/// <summary>What the group's grain adds to its state: writes that are shared, and a stale activation that goes away.</summary>
public sealed class GroupGrainTests : IAsyncLifetime
{
    private readonly CountingDocumentStore _documents = new();
    private readonly SteppingTime _time = new();
    private readonly AssignmentLog _assignments = new();
    private InProcessTestCluster _cluster = null!;

    private IGrainFactory Grains => _cluster.Silos[0].ServiceProvider.GetRequiredService<IGrainFactory>();

    public async ValueTask InitializeAsync()
    {
        var builder = new InProcessTestClusterBuilder(initialSilosCount: 1);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.AddOrleansStreamGrains();
            silo.Services.AddSingleton<ISegmentStore>(new MemorySegmentStore());
            silo.Services.AddSingleton<IDocumentStore>(_documents);
            silo.Services.AddSingleton<TimeProvider>(_time);
            silo.Services.AddPatientCalls();
            silo.Services.AddLogging(logging => logging.AddProvider(_assignments).AddFilter<AssignmentLog>(AssignmentLog.Category, LogLevel.Debug));
        });
        _cluster = builder.Build();
        await _cluster.DeployAsync();
    }

    public async ValueTask DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task Commit_WhenFiveHundredComeAtOnce_SharesFewWrites()
    {
        var group = Grains.GetGrain<IConsumerGroupGrain>("busy");
        var joined = await PollAsync("busy", "m", await CreateTopicAsync(500));
        _documents.Delay = TimeSpan.FromMilliseconds(5);
        var before = _documents.WritesOf("busy");

        var answers = await Task.WhenAll(joined.Assignment.Select((one, i) => group.CommitAsync(
            "m", joined.Token!.Value, [new PartitionOffset(one.TopicId, one.Partition, i + 1)])));

        var writes = _documents.WritesOf("busy") - before;
        TestContext.Current.TestOutputHelper!.WriteLine($"500 concurrent commits took {writes} writes.");
        Assert.All(answers, answer => Assert.Null(answer.Error));
        Assert.InRange(writes, 1, 50);
        Assert.Equal(500, (await group.DescribeAsync())!.Offsets.Length);
    }

    [Fact]
    public async Task Commit_WhenAlone_TakesOneWrite()
    {
        var topic = await CreateTopicAsync(4);
        var joined = await PollAsync("single", "m", topic);
        var before = _documents.WritesOf("single");
        ImmutableArray<PartitionOffset> offsets = [.. joined.Assignment.Select(one => new PartitionOffset(one.TopicId, one.Partition, 1))];
        var poll = new GroupPollRequest("m", [topic], joined.Token, offsets, GroupLimits.LeaseMsDefault);
        var answer = await Grains.GetGrain<IConsumerGroupGrain>("single").PollAsync(poll);
        Assert.All(answer.Assignment, one => Assert.Equal(1, one.CommittedOffset));
        Assert.Equal(before + 1, _documents.WritesOf("single"));
    }

    [Fact]
    public async Task Poll_WhenNothingChanges_WritesNothing()
    {
        var topic = await CreateTopicAsync(4);
        var joined = await PollAsync("idle", "m", topic);
        var before = _documents.WritesOf("idle");
        for (var i = 0; i < 10; i++)
            Assert.Null((await PollAsync("idle", "m", topic, joined.Token)).Error);
        Assert.Equal(before, _documents.WritesOf("idle"));
    }

    [Fact]
    public async Task Commit_WhenAnotherActivationWrote_IsRefusedAndTheNextCallGoesOn()
    {
        var topic = await CreateTopicAsync(1);
        var joined = await PollAsync("taken", "m", topic);
        var partition = joined.Assignment[0];
        await _documents.TouchAsync("taken");

        var group = Grains.GetGrain<IConsumerGroupGrain>("taken");
        var refused = await Assert.ThrowsAsync<StreamException>(() => group.CommitAsync(
            "m", joined.Token!.Value, [new PartitionOffset(partition.TopicId, 0, 7)]));
        Assert.Equal((StreamErrorCode.CoordinatorNotAvailable, false), (refused.Error.Code, refused.Error.OutcomeUnknown));

        await Wait.UntilAsync("another activation has taken over", async () =>
        {
            try
            {
                return (await PollAsync("taken", "m", topic, joined.Token)).Assignment[0].CommittedOffset == -1;
            }
            catch (StreamException e) when (e.Error.Code == StreamErrorCode.CoordinatorNotAvailable)
            {
                return false;
            }
        });
    }

    [Fact]
    public async Task Poll_WhenAThousandMembersJoin_AssignsThemTogetherAndMovesOnlyWhatALeaverHad()
    {
        const int count = 1_000;
        var topic = await CreateTopicAsync(TopicLimits.PartitionsMax);
        var group = Grains.GetGrain<IConsumerGroupGrain>("large");
        var tokens = new Dictionary<string, MemberToken>();
        async Task RoundAsync(IEnumerable<string> members)
        {
            var answers = await Task.WhenAll(members.Select(async member =>
                (member, answer: await PollAsync("large", member, topic, tokens.TryGetValue(member, out var token) ? token : null))));
            foreach (var (member, answer) in answers)
                tokens[member] = answer.Token!.Value;
        }

        async Task SettleAsync(string[] members)
        {
            // The assignment is due in the first round, in which partitions are given up, and taken on in the second.
            for (var round = 0; round < 2; round++)
            {
                _time.Advance(TimeSpan.FromMilliseconds(GroupStateLimits.RebalanceDelayMs));
                await RoundAsync(members);
            }

            Assert.Equal("Stable", (await group.DescribeAsync())!.Phase);
        }

        // However slow this machine is: a thousand joins take longer than any one of them waits for others.
        _time.Hold(step: TimeSpan.FromMicroseconds(100));
        string[] members = [.. Enumerable.Range(0, count).Select(i => $"m{i:D4}")];
        await RoundAsync(members);
        await SettleAsync(members);
        // One for whoever came first and was alone, one for all.
        Assert.InRange(_assignments.Count, 1, 2);
        Assert.Equal(count, _assignments.Members);
        var before = (await group.DescribeAsync())!;
        Assert.Equal(TopicLimits.PartitionsMax, before.Members.Sum(member => member.Assigned.Length));
        Assert.InRange(before.Members.Min(member => member.Assigned.Length), 1, 2);

        var assignments = _assignments.Count;
        Assert.Null(await group.LeaveAsync(members[0], epoch: null));
        await SettleAsync(members[1..]);
        Assert.Equal((assignments + 1, count - 1), (_assignments.Count, _assignments.Members));
        var after = (await group.DescribeAsync())!.Members.ToDictionary(member => member.Member);
        Assert.InRange(before.Members.Skip(1).Count(member => after[member.Member].Epoch != member.Epoch), 1, before.Members[0].Assigned.Length);
        Assert.All(before.Members.Skip(1), member => Assert.Empty(member.Assigned.Except(after[member.Member].Assigned)));
    }

    [Fact]
    public async Task Poll_WhenThereAreAThousandGroups_EachIsServedAndListed()
    {
        var topic = await CreateTopicAsync(1);
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, 1_000).Select(i => PollAsync($"many-{i:D4}", "m", topic)));
        TestContext.Current.TestOutputHelper!.WriteLine($"1,000 groups were joined in {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s.");
        var page = await Grains.GetGrain<IGroupCatalogGrain>(IGroupCatalogGrain.Key).ListAsync("many-", null, 1_000);
        Assert.Equal((1_000, null), (page.Groups.Length, page.NextAfter));
    }

    private Task<GroupMemberResponse> PollAsync(string group, string member, string topic, MemberToken? token = null) =>
        Grains.GetGrain<IConsumerGroupGrain>(group).PollAsync(new GroupPollRequest(member, [topic], token, [], GroupLimits.LeaseMsDefault));

    private async Task<string> CreateTopicAsync(int partitions)
    {
        var name = $"t-{Guid.NewGuid():N}";
        var response = await Grains.GetGrain<ITopicGrain>(name).CreateAsync(
            new CreateTopicRequest(partitions, ImmutableSortedDictionary<string, string>.Empty, ReplicationFactor: null));
        Assert.Null(response.Error);
        return name;
    }

    /// <summary>Counts the assignments of all groups.</summary>
    private sealed class AssignmentLog : ILoggerProvider, ILogger
    {
        public const string Category = "OrleansStream.Groups.ConsumerGroupGrain";

        private int _count;
        private int _members;

        public int Count => Volatile.Read(ref _count);

        /// <summary>The members that the last one was for.</summary>
        public int Members => Volatile.Read(ref _members);

        public ILogger CreateLogger(string categoryName) => categoryName == Category ? this : NullLogger.Instance;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel == LogLevel.Debug;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Name != "LogAssigned" || state is not IReadOnlyList<KeyValuePair<string, object?>> told)
                return;
            Volatile.Write(ref _members, (int)told.Single(pair => pair.Key == "Members").Value!);
            Interlocked.Increment(ref _count);
        }

        public void Dispose()
        {
        }
    }

    /// <summary>Counts the writes of each document, and takes its time over them.</summary>
    private sealed class CountingDocumentStore : IDocumentStore
    {
        private readonly MemoryDocumentStore _inner = new();
        private readonly System.Collections.Concurrent.ConcurrentDictionary<string, int> _writes = new();

        public TimeSpan Delay { get; set; }

        public int WritesOf(string group) => _writes.Where(write => write.Key.EndsWith("/" + group, StringComparison.Ordinal)).Sum(write => write.Value);

        /// <summary>Writes a group's document again, as another activation would.</summary>
        public async Task TouchAsync(string group)
        {
            var name = _writes.Keys.Single(one => one.EndsWith("/" + group, StringComparison.Ordinal));
            var document = await _inner.ReadAsync(name);
            Assert.NotNull(await _inner.WriteAsync(name, document!.Value.Bytes, document.Value.ETag));
        }

        public ValueTask<Document?> ReadAsync(string name, CancellationToken cancellationToken = default) =>
            _inner.ReadAsync(name, cancellationToken);

        public async ValueTask<string?> WriteAsync(
            string name, ReadOnlyMemory<byte> bytes, string? expectedETag, CancellationToken cancellationToken = default)
        {
            _writes.AddOrUpdate(name, 1, (_, count) => count + 1);
            if (Delay > TimeSpan.Zero)
                await Pacing.Real.PassAsync(Delay, cancellationToken);
            return await _inner.WriteAsync(name, bytes, expectedETag, cancellationToken);
        }

        public ValueTask<bool> DeleteAsync(string name, string? expectedETag, CancellationToken cancellationToken = default) =>
            _inner.DeleteAsync(name, expectedETag, cancellationToken);

        public IAsyncEnumerable<string> ListAsync(string prefix, CancellationToken cancellationToken = default) =>
            _inner.ListAsync(prefix, cancellationToken);
    }
}
