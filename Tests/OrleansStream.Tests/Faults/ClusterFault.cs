using OrleansStream.Tests.EndToEnd;
using OrleansStream.Tests.Storage;

namespace OrleansStream.Tests.Faults;

/// <summary>What can befall a silo of a cluster.</summary>
internal enum ClusterFault
{
    /// <summary>SIGKILL.</summary>
    Kill,

    /// <summary>SIGSTOP, until it is healed by SIGCONT.</summary>
    Hang,

    /// <summary>What it sends to the other silos does not arrive.</summary>
    CutToOthers,

    /// <summary>What the other silos send does not arrive.</summary>
    CutFromOthers,

    /// <summary>Both.</summary>
    CutBothWays,

    /// <summary>The store does not answer it at all.</summary>
    CutFromStore,

    /// <summary>Requests to the store take effect, and their replies are lost.</summary>
    LosesReplies,

    /// <summary>Requests take effect, and are said to have failed.</summary>
    FailsAfterEffect,

    /// <summary>Requests are reset before they arrive.</summary>
    LosesRequests,

    /// <summary>The store is too busy.</summary>
    Busy,

    /// <summary>The store is slow.</summary>
    Slow,

    /// <summary>Replies break off in the middle.</summary>
    CutsReplies,

    /// <summary>Listings are old.</summary>
    StaleLists,

    /// <summary>The clock jumps ahead.</summary>
    ClockAhead,

    /// <summary>The clock jumps back.</summary>
    ClockBack,
}

/// <summary>One fault of one silo, from its beginning to its end.</summary>
internal sealed class ActiveClusterFault(ClusterFault fault, SiloSlot slot, ClusterLines lines)
{
    private static readonly TimeSpan ClockJump = TimeSpan.FromMinutes(10);
    private readonly BlobTrouble? _trouble = TroubleOf(fault);

    /// <summary>It begins.</summary>
    public async Task BeginAsync()
    {
        switch (fault)
        {
            case ClusterFault.Kill:
                await slot.Process!.KillAsync();
                break;
            case ClusterFault.Hang when slot.Process is { HasExited: false } process:
                process.Signal(Signals.Suspend);
                break;
            case ClusterFault.ClockAhead or ClusterFault.ClockBack:
                slot.Clock.Set(fault == ClusterFault.ClockAhead ? ClockJump : -ClockJump);
                break;
            default:
                ForEachCut(lines.Network.Cut);
                if (_trouble is not null)
                    slot.Troubles.Add(_trouble);
                break;
        }
    }

    /// <summary>It ends. What it killed stays dead.</summary>
    public void End()
    {
        if (fault == ClusterFault.Hang && slot.Process is { HasExited: false } process)
            process.Signal(Signals.Continue);
        if (fault is ClusterFault.ClockAhead or ClusterFault.ClockBack)
            slot.Clock.Set(TimeSpan.Zero);
        ForEachCut(lines.Network.Heal);
        if (_trouble is not null)
            slot.Troubles.Heal(_trouble);
    }

    public override string ToString() => $"{slot.Name} {fault}";

    private void ForEachCut(Action<string, string> change)
    {
        foreach (var other in lines.Slots.Where(other => other != slot))
        {
            if (fault is ClusterFault.CutToOthers or ClusterFault.CutBothWays)
                change(slot.Name, other.Name);
            if (fault is ClusterFault.CutFromOthers or ClusterFault.CutBothWays)
                change(other.Name, slot.Name);
        }
    }

    private static BlobTrouble? TroubleOf(ClusterFault fault) => fault switch
    {
        ClusterFault.CutFromStore => new($"{fault}") { Fault = HttpFault.RequestLost, Delay = TimeSpan.FromSeconds(2) },
        ClusterFault.LosesReplies => new($"{fault}") { Fault = HttpFault.ReplyLost, Permille = 300 },
        ClusterFault.FailsAfterEffect => new($"{fault}") { Fault = HttpFault.FailureAfterEffect, Permille = 300 },
        ClusterFault.LosesRequests => new($"{fault}") { Fault = HttpFault.RequestLost, Permille = 300 },
        ClusterFault.Busy => new($"{fault}") { Fault = HttpFault.Busy, Permille = 500 },
        ClusterFault.Slow => new($"{fault}") { Delay = TimeSpan.FromMilliseconds(400), Permille = 500 },
        ClusterFault.CutsReplies => new($"{fault}") { Fault = HttpFault.ReplyCutOff, Permille = 300 },
        ClusterFault.StaleLists => new($"{fault}") { ListsAreStale = true },
        _ => null,
    };
}
