using OrleansStream.Groups.State;

namespace OrleansStream.Tests.Groups.State;

/// <summary>Processes that say what they have (KIP-848), in the same group.</summary>
internal sealed partial class GroupRun
{
    public const int RebalanceMs = 20_000;

    /// <summary>
    /// A process says what it has, and hears what it shall have. It takes that on and lets go at once, or keeps what it has until it says so the next
    /// time.
    /// </summary>
    public HeartbeatAnswer Beat(string id, string[] topics, bool isRestart = false, bool isSlow = false, bool isSilent = false, bool isStale = false)
    {
        var process = ProcessOf(id);
        if (!isSlow && process.Told is { } told)
            (process.Believed, process.Told, process.LetsGoByMs) = (told, null, null);
        var claim = isRestart ? null : isStale ? process.ClaimBefore ?? process.Claim : process.Claim;
        if (claim is null)
            Forget(process);
        // One that repeats a heartbeat whose answer was lost names what it has.
        var owned = claim is null ? PartitionSet.Empty : isSilent && !isStale ? null : process.Believed;
        var command = new HeartbeatCommand(
            process.Member, (int)(claim?.Epoch ?? 0), new ConsumerMember(null, id, "/", RebalanceMs), [.. topics],
            [.. topics.Select(name => new TopicLookup(name, _topics.GetValueOrDefault(name)))], null, owned, LeaseMs);
        var answer = Take(State.Heartbeat(command, Now), Owners());
        if (answer.Refusal is not null)
            Forget(process);
        else
            Told(process, answer);
        Check();
        return answer;
    }

    /// <summary>A process that says what it has leaves.</summary>
    public void LeaveByHeartbeat(string id)
    {
        var process = ProcessOf(id);
        Take(State.Heartbeat(new HeartbeatCommand(
            process.Member, HeartbeatCommand.LeaveEpoch, new ConsumerMember(null, id, "/", RebalanceMs), null, [], null, null, LeaseMs), Now), Owners());
        Forget(process);
        Check();
    }

    /// <summary>It commits what it has, by any epoch of its own.</summary>
    public void CommitByHeartbeat(string id, TopicPartition partition)
    {
        var process = ProcessOf(id);
        var refusal = Take(State.CheckConsumerCommit(process.Member, (int)(process.Claim?.Epoch ?? 0), Now), Owners());
        var believes = process.Believed.Contains(partition) && process.BelievedUntilMs > Now.MonotonicMs
            && (process.LetsGoByMs ?? long.MaxValue) > Now.MonotonicMs;
        if (believes && State.FindTopic(partition.TopicId) is not null)
            Assert.True(refusal is null && State.IsOwner(process.Member, partition), $"{process.Member} may not commit {partition}, which it has.");
        Check();
    }

    private void Told(Process process, HeartbeatAnswer answer)
    {
        process.ClaimBefore = process.Claim ?? process.ClaimBefore;
        process.Claim = new MemberClaim(State.Incarnation, answer.Epoch);
        process.BelievedUntilMs = Now.MonotonicMs + LeaseMs;
        if (answer.Assigned is not { } assigned)
            return;
        process.Told = assigned;
        // What it takes on is its own from now on; what it is to let go of, for as long as it may take.
        process.Believed = PartitionSet.Of(process.Believed.Concat(assigned));
        process.LetsGoByMs ??= process.Believed.Equals(assigned) ? null : Now.MonotonicMs + RebalanceMs;
    }

    private static void Forget(Process process)
    {
        (process.Claim, process.Told, process.LetsGoByMs) = (null, null, null);
        process.Believed = PartitionSet.Empty;
    }
}
