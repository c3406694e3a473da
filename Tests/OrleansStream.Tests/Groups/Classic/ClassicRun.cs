using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using OrleansStream.Errors;
using OrleansStream.Groups.Classic;
using OrleansStream.Groups.State;

namespace OrleansStream.Tests.Groups.Classic;

/// <summary>
/// A group of the classic protocol and its clients, as seen from both sides. Every step checks that what clients were told in a generation is one
/// thing, that generations only grow, and that only members of the current one commit.
/// </summary>
internal sealed class ClassicRun
{
    public const int SessionMs = 10_000;
    public const int RebalanceMs = 20_000;
    public const string Range = "range";

    private const int TickMs = 1_000;
    private readonly List<GroupEvent> _history = [];
    private readonly Dictionary<string, Client> _clients = [];
    private readonly Dictionary<long, Client> _waiting = [];
    private readonly Dictionary<int, Told> _told = [];
    private GroupState _state = new();
    private long _lastTicket;
    private int _lastId;
    private int _highest;
    private int _replayed;

    public ClassicRun() => Group = new ClassicGroup(_state, Now);

    public ClassicGroup Group { get; private set; }

    public GroupState State => _state;

    public GroupTime Now { get; private set; } = new(1_000_000, 1_700_000_000_000);

    /// <summary>A client, and what it was told last.</summary>
    public sealed class Client(string name, string? instance)
    {
        public string Name { get; } = name;
        public string? Instance { get; } = instance;
        public string Member { get; set; } = "";
        public int Generation { get; set; } = -1;
        public bool IsLeader { get; set; }
        public ImmutableArray<JoinedMember> Members { get; set; } = [];
        public string Metadata { get; set; } = "";
        public string? Assignment { get; set; }
        public StreamErrorCode Refused { get; set; }
        public long? Ticket { get; set; }
        public string[] Assignors { get; set; } = [Range, "other"];
        public ClassicClaim Claim => new(Member, Instance, Generation);
    }

    /// <summary>What was told of a generation.</summary>
    private sealed class Told
    {
        public string? Protocol { get; init; }
        public string? Members { get; set; }
        public Dictionary<string, string> Assigned { get; } = [];
    }

    public Client ClientOf(string name)
    {
        if (!_clients.TryGetValue(name, out var client))
            _clients[name] = client = new Client(name, name.StartsWith('s') ? $"instance-{name}" : null);
        return client;
    }

    public Client Join(string name, bool inTwoSteps = true, bool skips = false)
    {
        var client = ClientOf(name);
        Detach(client);
        client.Refused = StreamErrorCode.None;
        var ticket = Wait(client);
        Take(Group.Join(
            new JoinCommand(
                client.Member, $"{name}-{++_lastId}", client.Instance, name, "/127.0.0.1", SessionMs, RebalanceMs, "consumer",
                [.. client.Assignors.Select(one => new ClassicProtocol(one, Encoding.UTF8.GetBytes(client.Metadata)))])
            {
                RequiresId = inTwoSteps,
                MaySkipAssignment = skips,
            }, ticket, Now));
        return client;
    }

    /// <summary>Joins as real clients do: again with the id that it was given.</summary>
    public Client JoinFully(string name)
    {
        var client = Join(name);
        return client.Refused == StreamErrorCode.MemberIdRequired ? Join(name) : client;
    }

    public Client Sync(string name)
    {
        var client = ClientOf(name);
        Detach(client);
        client.Refused = StreamErrorCode.None;
        var ticket = Wait(client);
        Take(Group.Sync(
            new SyncCommand(client.Claim, null, null, !client.IsLeader ? [] : [.. client.Members.Select(one => KeyValuePair.Create(
                one.Id, (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes($"{client.Generation}/{one.InstanceId ?? one.Id}/{_lastTicket}")))]),
            ticket, Now));
        return client;
    }

    public GroupRefusal? Heartbeat(string name) => Take(Group.Heartbeat(ClientOf(name).Claim, Now));

    public GroupRefusal? Leave(string name)
    {
        var client = ClientOf(name);
        var refusal = Take(Group.Leave([new ClassicLeaver(client.Member, client.Instance)], Now))[0];
        Reset(client);
        return refusal;
    }

    public GroupRefusal? Commit(string name, int back = 0)
    {
        var client = ClientOf(name);
        var claim = client.Claim with { Generation = client.Generation - back };
        var refusal = Take(Group.CheckCommit(claim, Now));
        var isCurrent = claim.Generation == Group.Generation && Group.Members.Any(member => member.Id == claim.Member);
        if (refusal is null)
            Assert.True(isCurrent || (claim.Generation < 0 && Group.Members.Count == 0), $"{claim} commits in generation {Group.Generation}.");
        return refusal;
    }

    /// <summary>Something is done with the group beside its members.</summary>
    public T Do<T>(Func<GroupState, Handled<T>> act)
    {
        var handled = act(_state);
        _history.AddRange(handled.Events);
        if (handled.Events.Any(change => change is GroupDeleted))
        {
            _highest = 0;
            _told.Clear();
        }

        Check();
        return handled.Answer;
    }

    /// <summary>The caller of a call that waits has gone.</summary>
    public void Detach(Client client)
    {
        if (client.Ticket is not { } ticket)
            return;
        client.Ticket = null;
        _waiting.Remove(ticket);
        Group.Abandon(ticket, Now);
    }

    /// <summary>The program has died and is started again.</summary>
    public void Reset(Client client)
    {
        Detach(client);
        (client.Member, client.Generation, client.IsLeader, client.Members, client.Assignment) = ("", -1, false, [], null);
    }

    public void Pass(long ms)
    {
        for (var left = ms; left > 0; left -= TickMs)
        {
            Now = new GroupTime(Now.MonotonicMs + Math.Min(left, TickMs), Now.UnixMs + Math.Min(left, TickMs));
            Take(Group.Tick(Now));
        }
    }

    public void Freeze(long ms) => Now = new GroupTime(Now.MonotonicMs + ms, Now.UnixMs + ms);

    /// <summary>Another activation reads the group back, on a machine with another monotonic clock. Calls that waited are lost.</summary>
    public void Reactivate(long clockShiftMs)
    {
        foreach (var client in _clients.Values)
            client.Ticket = null;
        _waiting.Clear();
        Now = Now with { MonotonicMs = Now.MonotonicMs + clockShiftMs };
        var before = Describe(_state.ToEvents());
        _state = GroupState.Restore(_state.ToEvents(), Now);
        Assert.Equal(before, Describe(_state.ToEvents()));
        Group = new ClassicGroup(_state, Now);
        Check();
    }

    /// <summary>The living go on as real clients do until nothing changes any more.</summary>
    public void Settle(IReadOnlyCollection<string> living)
    {
        for (var round = 0; round < 60; round++)
        {
            foreach (var name in living)
                GoOn(ClientOf(name));
            Pass(TickMs);
        }
    }

    private void GoOn(Client client)
    {
        if (client.Ticket is not null)
            return;
        if (client.Refused is StreamErrorCode.UnknownMemberId or StreamErrorCode.FencedInstanceId)
            Reset(client);
        if (client.Generation < 0 || client.Refused != StreamErrorCode.None)
            JoinFully(client.Name);
        else if (client.Assignment is null)
            Sync(client.Name);
        else if (Heartbeat(client.Name) is { } refusal)
            client.Refused = refusal.Code;
    }

    private long Wait(Client client)
    {
        client.Ticket = ++_lastTicket;
        _waiting.Add(_lastTicket, client);
        return _lastTicket;
    }

    private T Take<T>(ClassicStep<T> step)
    {
        _history.AddRange(step.Events);
        foreach (var delivery in step.Deliveries)
        {
            Assert.True(delivery.Ticket <= _lastTicket, "Nobody asked.");
            if (!_waiting.Remove(delivery.Ticket, out var client))
                continue;
            client.Ticket = null;
            if (delivery is JoinDelivery join)
                Hear(client, join.Answer);
            else
                Hear(client, ((SyncDelivery)delivery).Answer);
        }

        Check();
        return step.Answer;
    }

    private void Hear(Client client, JoinAnswer answer)
    {
        client.Refused = answer.Refusal?.Code ?? StreamErrorCode.None;
        if (answer.Refusal?.Code == StreamErrorCode.MemberIdRequired)
            client.Member = answer.Member;
        if (answer.Refusal is not null)
            return;
        Assert.True(answer.Generation <= _state.Classic!.Number, "A generation is told of that is not stored.");
        (client.Member, client.Generation, client.Members, client.IsLeader) = (
            answer.Member, answer.Generation, answer.Members, answer.Leader == answer.Member);
        client.Assignment = null;
        if (!_told.TryGetValue(answer.Generation, out var told))
            _told[answer.Generation] = told = new Told { Protocol = answer.Protocol };
        Assert.Equal(told.Protocol, answer.Protocol);
        if (answer.Members.IsEmpty)
            return;
        var members = string.Join(",", answer.Members.Select(one => one.InstanceId ?? one.Id).Order(StringComparer.Ordinal));
        Assert.Equal(told.Members ?? members, members);
        told.Members = members;
    }

    private void Hear(Client client, SyncAnswer answer)
    {
        client.Refused = answer.Refusal?.Code ?? StreamErrorCode.None;
        if (answer.Refusal is not null)
            return;
        client.Assignment = Encoding.UTF8.GetString(answer.Assignment.Span);
        var assigned = _told[client.Generation].Assigned;
        var key = client.Instance ?? client.Member;
        Assert.Equal(assigned.GetValueOrDefault(key, client.Assignment), client.Assignment);
        assigned[key] = client.Assignment;
        // Either nothing, or what a leader of this very generation said.
        Assert.True(client.Assignment.Length == 0 || client.Assignment.StartsWith($"{client.Generation}/{key}/", StringComparison.Ordinal), client.Assignment);
    }

    private void Check()
    {
        Assert.True(Group.Generation >= _highest, $"Generation {Group.Generation} follows {_highest}.");
        _highest = Group.Generation;
        Assert.Equal(Group.Members.Count, _state.ClassicMemberCount);
        Assert.Equal(Group.Members.Count == 0,
            Group.Phase == ClassicPhase.Empty || (Group.Phase == ClassicPhase.PreparingRebalance && Group.Members.Count == 0));
        if (Group.Phase is ClassicPhase.CompletingRebalance or ClassicPhase.Stable)
            Assert.Contains(Group.Members, member => member.Id == Group.Leader);
        if (_history.Count == _replayed)
            return;
        _replayed = _history.Count;
        Assert.Equal(Describe(_state.ToEvents()), Describe(GroupState.Restore(_history, Now).ToEvents()));
    }

    private static string Describe(IEnumerable<GroupEvent> events) => JsonSerializer.Serialize(events);
}
