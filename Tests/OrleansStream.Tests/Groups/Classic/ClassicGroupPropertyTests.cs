using CsCheck;
using OrleansStream.Groups.State;

namespace OrleansStream.Tests.Groups.Classic;

/// <summary>Joins, syncs, heartbeats, commits, leaves, deaths, pauses and new coordinators in any order.</summary>
public sealed class ClassicGroupPropertyTests
{
    private const int RunCount = 300;

    private static readonly Gen<GroupStep[]> Steps = Gen.Select(
        Gen.Enum<StepKind>(), Gen.Int[0, 5], Gen.Int[0, 15_000], (kind, who, amount) => new GroupStep(kind, who, amount))
        .Array[1, 80];

    public enum StepKind
    {
        Join, JoinAgain, JoinInOneStep, JoinSkipping, Sync, SyncAgain, SyncOnceMore, Heartbeat, Commit, CommitOld, Leave, Die, Detach, Pass,
        PassAgain, PassLong, Freeze,
        ChangeMetadata, OtherAssignor, Reactivate,
    }

    public sealed record GroupStep(StepKind Kind, int Who, int Amount);

    [Fact]
    public void Group_WhateverHappens_TellsOneThingAGenerationAndSettles() => Steps.Sample(
        steps =>
        {
            var run = new ClassicRun();
            foreach (var step in steps)
                Do(run, step);
            SettleAndCheck(run);
        },
        iter: RunCount, threads: 1);

    // Two of them come back under an instance id.
    private static string NameOf(int who) => who < 4 ? $"d{who}" : $"s{who}";

    private static void Do(ClassicRun run, GroupStep step)
    {
        var name = NameOf(step.Who);
        var client = run.ClientOf(name);
        switch (step.Kind)
        {
            case StepKind.Join or StepKind.JoinAgain:
                run.JoinFully(name);
                break;
            case StepKind.JoinInOneStep:
                run.Join(name, inTwoSteps: false);
                break;
            case StepKind.JoinSkipping:
                run.Join(name, skips: true);
                break;
            case StepKind.Sync or StepKind.SyncAgain or StepKind.SyncOnceMore:
                run.Sync(name);
                break;
            case StepKind.Heartbeat:
                run.Heartbeat(name);
                break;
            case StepKind.Commit or StepKind.CommitOld:
                run.Commit(name, back: step.Kind == StepKind.Commit ? 0 : 1 + step.Amount % 3);
                break;
            case StepKind.Leave:
                run.Leave(name);
                break;
            case StepKind.Die:
                run.Reset(client);
                break;
            case StepKind.Detach:
                run.Detach(client);
                break;
            case StepKind.Pass or StepKind.PassAgain:
                run.Pass(step.Amount % 1_500);
                break;
            case StepKind.PassLong:
                run.Pass(step.Amount);
                break;
            case StepKind.Freeze:
                run.Freeze(step.Amount);
                break;
            case StepKind.ChangeMetadata:
                client.Metadata = $"{step.Amount % 3}";
                break;
            case StepKind.OtherAssignor:
                client.Assignors = step.Amount % 2 == 0 ? [ClassicRun.Range, "other"] : ["other", ClassicRun.Range];
                break;
            case StepKind.Reactivate:
                run.Reactivate(step.Amount - 7_000);
                break;
        }
    }

    private static void SettleAndCheck(ClassicRun run)
    {
        // The others are silent from now on.
        string[] living = [NameOf(0), NameOf(2), NameOf(5)];
        run.Settle(living);
        Assert.Equal(ClassicPhase.Stable, run.Group.Phase);
        Assert.Equal(living.Order(), run.Group.Members.Select(member => member.ClientId).Order());
        Assert.All(living, name =>
        {
            var client = run.ClientOf(name);
            Assert.Equal(run.Group.Generation, client.Generation);
            Assert.Null(run.Commit(name));
            Assert.NotNull(run.Commit(name, back: 1));
        });
        // Nobody's silence is noticed any more: nothing changes.
        var generation = run.Group.Generation;
        run.Settle(living);
        Assert.Equal(generation, run.Group.Generation);
    }
}
