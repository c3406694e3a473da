using CsCheck;
using OrleansStream.Groups.State;

namespace OrleansStream.Tests.Groups.State;

/// <summary>Joins, leaves, ends of leases, commits, resets, topic changes, pauses and reactivations in any order.</summary>
public sealed class GroupStatePropertyTests
{
    private const int RunCount = 600;
    private static readonly string[] TopicNames = ["a", "b", "c"];

    private static readonly Gen<GroupStep[]> Steps = Gen.Select(
        Gen.Enum<StepKind>(), Gen.Int[0, 5], Gen.Int[0, 7], Gen.Int[0, 20_000], (kind, who, which, amount) => new GroupStep(kind, who, which, amount))
        .Array[1, 60];

    public enum StepKind
    {
        Poll, PollAgain, PollWithoutCommit, Restart, StalePoll, OtherProcess, Leave, Commit, CommitForeign, Reset, Pass, PassLong,
        Grow, DeleteTopic, CreateTopic, Reactivate, Freeze, CommitFar, GoBack, GoBackLate, Wait, PollOfWait, Heartbeat, LeaveAndWait, Delete,
        Beat, BeatAgain, BeatSlowly, BeatSilently, BeatStale, BeatAnew, LeaveByHeartbeat, CommitByHeartbeat,
    }

    public sealed record GroupStep(StepKind Kind, int Who, int Which, int Amount);

    [Fact]
    public void Group_WhateverHappens_HasOneOwnerAPartitionAndSettles() => Steps.Sample(
        steps =>
        {
            var run = new GroupRun();
            run.SetTopic("a", 4);
            run.SetTopic("b", 3);
            foreach (var step in steps)
                Do(run, step);
            SettleAndCheck(run);
        },
        iter: RunCount, threads: 1);

    private static void Do(GroupRun run, GroupStep step)
    {
        switch (step.Kind)
        {
            case StepKind.Poll or StepKind.PollAgain or StepKind.PollWithoutCommit or StepKind.Restart or StepKind.StalePoll or StepKind.OtherProcess
                or StepKind.PollOfWait or StepKind.Heartbeat:
                Poll(run, step);
                break;
            case StepKind.Leave or StepKind.Wait or StepKind.LeaveAndWait:
                LeaveOrWait(run, step);
                break;
            case StepKind.Beat or StepKind.BeatAgain or StepKind.BeatSlowly or StepKind.BeatSilently or StepKind.BeatStale or StepKind.BeatAnew
                or StepKind.LeaveByHeartbeat:
                Beat(run, step);
                break;
            case StepKind.Commit or StepKind.CommitForeign or StepKind.CommitFar or StepKind.CommitByHeartbeat or StepKind.GoBack
                or StepKind.GoBackLate or StepKind.Reset:
                // None where the topics have fewer partitions.
                foreach (var partition in AllPartitions(run).Skip(step.Which).Take(1))
                    MoveOffset(run, step, partition);
                break;
            case StepKind.Grow or StepKind.CreateTopic or StepKind.DeleteTopic:
                ChangeTopics(run, step);
                break;
            default:
                PassOrBegin(run, step);
                break;
        }
    }

    private static void Poll(GroupRun run, GroupStep step)
    {
        var id = $"m{step.Who}";
        var topics = Subscription(step.Which);
        switch (step.Kind)
        {
            case StepKind.PollWithoutCommit:
                run.Poll(id, topics, commits: false);
                break;
            case StepKind.Restart:
                run.Poll(id, topics, isRestart: true);
                break;
            case StepKind.StalePoll:
                run.Poll(id, topics, isStale: true);
                break;
            case StepKind.OtherProcess:
                run.Poll($"{id}/other", topics);
                break;
            case StepKind.PollOfWait:
                run.Poll(id, topics, commits: false, neverJoins: true);
                break;
            case StepKind.Heartbeat:
                run.Poll(id, topics, commits: step.Amount % 2 == 0, neverJoins: true, keepsPartitions: true);
                break;
            default:
                run.Poll(id, topics);
                break;
        }
    }

    private static void LeaveOrWait(GroupRun run, GroupStep step)
    {
        var id = $"m{step.Who}";
        if (step.Kind == StepKind.Wait)
        {
            run.Wait(id);
            return;
        }

        run.Leave(id);
        if (step.Kind != StepKind.LeaveAndWait)
            return;
        Assert.NotNull(run.Wait(id).Refusal);
        Assert.NotNull(run.Poll(id, Subscription(step.Which), commits: false, neverJoins: true).Refusal);
        Assert.Null(run.State.FindMember(id));
    }

    private static void Beat(GroupRun run, GroupStep step)
    {
        var id = $"k{step.Who % 3}";
        var topics = Subscription(step.Which);
        switch (step.Kind)
        {
            case StepKind.BeatSlowly:
                run.Beat(id, topics, isSlow: true);
                break;
            case StepKind.BeatSilently:
                run.Beat(id, topics, isSlow: true, isSilent: true);
                break;
            case StepKind.BeatStale:
                run.Beat(id, topics, isSlow: true, isStale: true);
                break;
            case StepKind.BeatAnew:
                run.Beat(id, topics, isRestart: true);
                break;
            case StepKind.LeaveByHeartbeat:
                run.LeaveByHeartbeat(id);
                break;
            default:
                run.Beat(id, topics);
                break;
        }
    }

    private static void MoveOffset(GroupRun run, GroupStep step, TopicPartition partition)
    {
        var id = $"m{step.Who}";
        switch (step.Kind)
        {
            case StepKind.Commit or StepKind.CommitForeign:
                run.Commit(id, partition, step.Amount % 50, step.Kind == StepKind.Commit ? "" : "note");
                break;
            case StepKind.CommitFar:
                // As another protocol may: the group knows no log's end.
                run.Commit(id, partition, (step.Amount + 1L) << (step.Which * 5));
                break;
            case StepKind.CommitByHeartbeat:
                run.CommitByHeartbeat($"k{step.Who % 3}", partition);
                break;
            case StepKind.Reset:
                run.Reset(partition, step.Amount % 50);
                break;
            default:
                run.GoBack(id, partition, step.Amount % 50, run.Position(partition) + (step.Kind == StepKind.GoBack ? 0 : 1 + step.Amount % 3));
                break;
        }
    }

    private static void ChangeTopics(GroupRun run, GroupStep step)
    {
        var name = TopicNames[step.Which % 3];
        if (step.Kind == StepKind.DeleteTopic)
            run.DeleteTopic(name);
        else
            run.SetTopic(name, 1 + step.Amount % 8);
    }

    private static void PassOrBegin(GroupRun run, GroupStep step)
    {
        switch (step.Kind)
        {
            case StepKind.Delete:
                run.Delete();
                break;
            case StepKind.Pass:
                run.Pass(step.Amount % 1_500);
                break;
            case StepKind.PassLong:
                run.Pass(step.Amount);
                break;
            case StepKind.Reactivate:
                run.Reactivate(step.Amount - 10_000);
                break;
            case StepKind.Freeze:
                run.Freeze(step.Amount);
                break;
            default:
                throw new InvalidOperationException($"Nothing is done for {step.Kind}.");
        }
    }

    private static void SettleAndCheck(GroupRun run)
    {
        var living = run.State.Members.ToDictionary(member => member.Id, member => member.Topics.ToArray());
        run.Settle(living);
        if (living.Count == 0)
            return;
        Assert.Equal(GroupPhase.Stable, run.State.Phase);
        foreach (var topic in run.Topics.Values.Where(topic => living.Values.Any(topics => topics.Contains(topic.Name))))
        {
            for (var partition = 0; partition < topic.PartitionCount; partition++)
            {
                var owner = run.State.Members.Where(member => member.Assigned.Contains(new TopicPartition(topic.Id, partition)));
                Assert.Contains(topic.Name, Assert.Single(owner).Topics);
            }
        }

        if (living.Values.Select(topics => string.Concat(topics)).Distinct().Count() == 1)
        {
            var counts = run.State.Members.Select(member => member.Assigned.Count).ToList();
            Assert.True(counts.Max() - counts.Min() <= 1, $"Unbalanced: {string.Join(", ", counts)}");
        }
    }

    // Mostly the same one, so that members often share all.
    private static string[] Subscription(int which) => which switch
    {
        0 => ["a"],
        1 => ["b", "c"],
        _ => ["a", "b"],
    };

    private static IEnumerable<TopicPartition> AllPartitions(GroupRun run) => run.Topics.Values
        .OrderBy(topic => topic.Name).SelectMany(topic => Enumerable.Range(0, topic.PartitionCount).Select(p => new TopicPartition(topic.Id, p)));
}
