using System.Text.Json;
using OrleansStream.Errors;
using OrleansStream.Groups.State;
using OrleansStream.Persistence;

namespace OrleansStream.Tests.Groups.State;

/// <summary>Members that subscribe to a regular expression (KIP-848): whoever looks the topics up says which match it.</summary>
public sealed class GroupPatternTests
{
    private const int LeaseMs = 10_000;
    private const string All = "jobs.*";
    private static readonly GroupTopic First = new("jobs-1", Guid.NewGuid(), 2);
    private static readonly GroupTopic Second = new("jobs-2", Guid.NewGuid(), 3);
    private static readonly GroupTopic Other = new("other", Guid.NewGuid(), 1);

    private GroupState _group = new();
    private GroupTime _now = new(1_000_000, 1_700_000_000_000);

    [Fact]
    public void Join_WithAnExpression_ReadsWhatMatches()
    {
        var answer = Join("a", All, [First, Second]);
        Assert.Null(answer.Refusal);
        Assert.Equal(5, answer.Assigned?.Count);
        Assert.Equal(["jobs-1", "jobs-2"], _group.TopicNames);
        Assert.Empty(_group.UnknownTopics);
        Assert.Null(answer.PatternToMatch);
    }

    [Fact]
    public void Heartbeat_WhenATopicComesOrGoes_ChangesWhatItReads()
    {
        var answer = Join("a", All, [First]);
        answer = Beat("a", answer.Epoch, All, [First, Second], answer.Assigned);
        Pass();
        answer = Beat("a", _group.FindMember("a")!.Epoch, All, [First, Second], Assigned("a"));
        Assert.Equal(5, Assigned("a").Count);

        // Deleted, or no longer to be seen by the member.
        Beat("a", answer.Epoch, All, [Second], Assigned("a"));
        Pass();
        Beat("a", _group.FindMember("a")!.Epoch, All, [Second], PartitionSet.Of(Assigned("a").Where(one => one.TopicId == Second.Id)));
        Assert.All(Assigned("a"), partition => Assert.Equal(Second.Id, partition.TopicId));
        Assert.Equal(["jobs-2"], _group.TopicNames);
    }

    [Fact]
    public void Heartbeat_WithTheSameMatches_ChangesNothing()
    {
        var answer = Join("a", All, [First, Second]);
        var handled = _group.Heartbeat(Command("a", answer.Epoch, pattern: null, All, [Second, First], answer.Assigned), _now);
        Assert.Empty(handled.Events);
        Assert.True(handled.Answer.IsSettled);
    }

    /// <summary>Another server takes the heartbeat, which does not know the expression.</summary>
    [Fact]
    public void Heartbeat_WithoutMatches_IsToldTheExpressionAndKeepsWhatItHas()
    {
        var answer = Join("a", All, [First]);
        var again = Beat("a", answer.Epoch, matchedFor: null, [], answer.Assigned);
        Assert.Equal(All, again.PatternToMatch);
        Assert.Equal(2, Assigned("a").Count);
        // Nor do matches of an expression that it no longer has.
        Assert.Equal(All, Beat("a", answer.Epoch, "other", [Other], answer.Assigned).PatternToMatch);
        Assert.Equal(["jobs-1"], _group.TopicNames);
    }

    [Fact]
    public void Heartbeat_ThatEndsTheExpression_LeavesItsNamesOnly()
    {
        var answer = Join("a", All, [First, Second], Other.Name);
        Assert.Equal(6, answer.Assigned?.Count);
        _group.Heartbeat(Command("a", answer.Epoch, pattern: "", matchedFor: null, [], answer.Assigned), _now);
        Assert.Null(_group.FindMember("a")!.Consumer!.Pattern);
        Assert.Equal([Other.Name], _group.FindMember("a")!.Subscribed);
    }

    [Fact]
    public void Restore_KeepsExpressionAndMatches()
    {
        var answer = Join("a", All, [First, Second]);
        _group = GroupState.Restore(JsonSerializer.Deserialize<GroupEvent[]>(
            JsonSerializer.Serialize<GroupEvent[]>([.. _group.ToEvents()], StateDocument.Json), StateDocument.Json)!, _now);
        Assert.Equal(All, _group.FindMember("a")!.Consumer!.Pattern);
        Assert.Empty(_group.Heartbeat(Command("a", answer.Epoch, pattern: null, All, [First, Second], answer.Assigned), _now).Events);
    }

    /// <summary>Such members have no words for retries, whatever their expressions match.</summary>
    [Fact]
    public void RetryTopics_AreNoMatches()
    {
        var retry = new GroupTopic("jobs-1.g.retry", Guid.NewGuid(), 1);
        _group.SetRetry(new RetryPolicy("g", 3, [], 0, InPlace: false, DeadLetterTopic: null), _now);
        Join("a", All, [First, retry]);
        Assert.Equal(["jobs-1"], _group.FindMember("a")!.Subscribed);
    }

    [Fact]
    public void Matches_OfMoreBytesThanAGroupKeeps_AreRefused()
    {
        GroupTopic[] many = [.. Enumerable.Range(0, 500).Select(i => new GroupTopic($"jobs-{new string('x', 240)}{i:D4}", Guid.NewGuid(), 1))];
        var joined = 0;
        while (Join($"m{joined}", All, many).Refusal is not { } refusal || Assert.IsType<GroupRefusal>(refusal).Code != StreamErrorCode.PolicyViolation)
            joined++;
        var bytesOfOne = many.Sum(topic => topic.Name.Length);
        Assert.Equal(GroupStateLimits.MatchedTopicBytesMax / bytesOfOne, joined);
        Assert.Equal(joined, _group.Members.Count);
    }

    private HeartbeatAnswer Join(string member, string pattern, GroupTopic[] matched, params string[] names) =>
        _group.Heartbeat(Command(member, 0, pattern, pattern, matched, owned: null) with { Topics = names.Length == 0 ? null : [.. names] }, _now)
            .Answer;

    private HeartbeatAnswer Beat(string member, long epoch, string? matchedFor, GroupTopic[] matched, PartitionSet? owned) =>
        _group.Heartbeat(Command(member, epoch, pattern: null, matchedFor, matched, owned), _now).Answer;

    private static HeartbeatCommand Command(
        string member, long epoch, string? pattern, string? matchedFor, GroupTopic[] matched, PartitionSet? owned) => new(
        member, (int)epoch, new ConsumerMember(null, member, "/", 6_000), Topics: null,
        [.. matched.Append(Other).Select(topic => new TopicLookup(topic.Name, topic))], null, owned, LeaseMs)
    {
        Pattern = pattern,
        Matched = matchedFor is null ? null : new PatternMatch(matchedFor, [.. matched.Select(topic => topic.Name)]),
    };

    private PartitionSet Assigned(string member) => _group.FindMember(member)!.Assigned;

    private void Pass()
    {
        _now = new GroupTime(_now.MonotonicMs + 500, _now.UnixMs + 500);
        _group.Tick(_now);
    }
}
