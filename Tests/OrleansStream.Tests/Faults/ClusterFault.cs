using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Stores;

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

    /// <summary>Of a part of a segment that is asked for only the first half comes.</summary>
    ShortReplies,

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
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromMinutes(1);
    private readonly BlobTrouble? _trouble = TroubleOf(fault);
    private readonly Dictionary<(string From, string To), int> _heldBefore = [];
    private string? _evidence;
    private bool _hasEnded;

    /// <summary>What befalls.</summary>
    public ClusterFault Fault => fault;

    /// <summary>True when there is evidence that it did what it should. Known when it has ended.</summary>
    public bool TookEffect => _evidence is not null;

    /// <summary>It begins.</summary>
    public async Task BeginAsync()
    {
        switch (fault)
        {
            case ClusterFault.Kill:
                _evidence = slot.Process!.HasExited ? null : "killed";
                await slot.Process!.KillAsync();
                break;
            case ClusterFault.Hang when slot.Process is { HasExited: false } process:
                process.Signal(Signals.Suspend);
                break;
            case ClusterFault.ClockAhead or ClusterFault.ClockBack:
                slot.Clock.Set(fault == ClusterFault.ClockAhead ? ClockJump : -ClockJump);
                break;
            default:
                ForEachCut((from, to) => _heldBefore[(from, to)] = lines.Network.HeldCount(from, to));
                ForEachCut(lines.Network.Cut);
                if (_trouble is not null)
                    slot.Troubles.Add(_trouble);
                break;
        }
    }

    /// <summary>Looks whether it did anything, at the end of its time.</summary>
    public async Task LookAsync()
    {
        var held = 0;
        ForEachCut((from, to) => held += lines.Network.HeldCount(from, to) - _heldBefore[(from, to)]);
        _evidence = fault switch
        {
            ClusterFault.Kill => _evidence,
            ClusterFault.Hang => slot.Process is { HasExited: false, IsSuspended: true } ? "stopped" : null,
            ClusterFault.ClockAhead => await LookAtClockAsync(ClockJump),
            ClusterFault.ClockBack => await LookAtClockAsync(-ClockJump),
            _ when held > 0 => $"held {held} times",
            _ when _trouble is { Hits: > 0 } trouble => $"{trouble.Hits} requests",
            _ => null,
        };
    }

    /// <summary>It ends. What it killed stays dead.</summary>
    public void End()
    {
        _hasEnded = true;
        if (fault == ClusterFault.Hang && slot.Process is { HasExited: false } process)
            process.Signal(Signals.Continue);
        if (fault is ClusterFault.ClockAhead or ClusterFault.ClockBack)
            slot.Clock.Set(TimeSpan.Zero);
        ForEachCut(lines.Network.Heal);
        if (_trouble is not null)
            slot.Troubles.Heal(_trouble);
    }

    public override string ToString() => _hasEnded ? $"{slot.Name} {fault} ({_evidence ?? "without effect"})" : $"{slot.Name} {fault}";

    // By the time that the silo dates its answers with.
    private async Task<string?> LookAtClockAsync(TimeSpan jump) =>
        slot.Process is { HasExited: false } process && await FakeClock.FindOffsetAsync(process) is { } offset
            && (offset - jump).Duration() < ClockTolerance ? $"by {offset.TotalMinutes:+0.0;-0.0} min" : null;

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
        ClusterFault.CutFromStore => new() { Fault = HttpFault.RequestLost, Delay = TimeSpan.FromSeconds(2) },
        ClusterFault.LosesReplies => new() { Fault = HttpFault.ReplyLost, Permille = 300 },
        ClusterFault.FailsAfterEffect => new() { Fault = HttpFault.FailureAfterEffect, Permille = 300 },
        ClusterFault.LosesRequests => new() { Fault = HttpFault.RequestLost, Permille = 300 },
        ClusterFault.Busy => new() { Fault = HttpFault.Busy, Permille = 500 },
        ClusterFault.Slow => new() { Delay = TimeSpan.FromMilliseconds(400), Permille = 500 },
        ClusterFault.CutsReplies => new() { Fault = HttpFault.ReplyCutOff, Permille = 300 },
        ClusterFault.ShortReplies => new() { Fault = HttpFault.ReplyShort, Permille = 300 },
        ClusterFault.StaleLists => new() { ListsAreStale = true },
        _ => null,
    };
}
