using System.Buffers.Binary;
using System.Diagnostics;
using OrleansStream.Randomness;

namespace OrleansStream.Instrumentation;

/// <summary>
/// Chooses which traces are recorded, and gives those that begin here their ids. A choice by the id comes out as that of OpenTelemetry's sampler
/// <c>traceidratio</c> for .NET, so services behind this one with the same part or a greater one record the same traces. Safe for any thread.
/// </summary>
/// <remarks>
/// A trace's id costs a string. Most traces are not recorded, so the half of the id that decides is drawn first, and the rest only for the others.
/// Source: https://opentelemetry.io/docs/specs/otel/trace/sdk/#traceidratiobased.
/// </remarks>
/// <param name="part">The part of the traces that is recorded, from 0 to 1.</param>
/// <param name="followsCaller">True when a caller's own choice counts in place of its trace's id.</param>
/// <param name="random">Where the ids come from; null for <see cref="RandomSource.System"/>.</param>
public sealed class TraceChoice(double part, bool followsCaller, RandomSource? random = null)
{
    private const int IdLength = 16;
    private const int DecidingLength = sizeof(long);

    private readonly RandomSource _random = random ?? RandomSource.System;

    // Numbers of 63 bits below this one are recorded. A part of 1 is above them all.
    private readonly ulong _bound = part >= 1 ? ulong.MaxValue : (ulong)(part * long.MaxValue);

    /// <summary>Chooses for a trace that the caller has begun.</summary>
    /// <param name="caller">The caller's span.</param>
    /// <returns>True when the trace is recorded.</returns>
    public bool IsRecorded(in ActivityContext caller)
    {
        if (followsCaller)
            return (caller.TraceFlags & ActivityTraceFlags.Recorded) != 0;
        Span<byte> id = stackalloc byte[IdLength];
        caller.TraceId.CopyTo(id);
        return IsRecorded(BinaryPrimitives.ReadInt64BigEndian(id) & long.MaxValue);
    }

    /// <summary>Chooses for a trace that begins.</summary>
    /// <param name="trace">Its id, when it is recorded.</param>
    /// <returns>True when the trace is recorded.</returns>
    public bool TryBegin(out ActivityTraceId trace)
    {
        trace = default;
        Span<byte> id = stackalloc byte[IdLength];
        _random.Fill(id[..DecidingLength]);
        if (!IsRecorded(BinaryPrimitives.ReadInt64BigEndian(id) & long.MaxValue))
            return false;
        _random.Fill(id[DecidingLength..]);
        trace = ActivityTraceId.CreateFromBytes(id);
        return true;
    }

    private bool IsRecorded(long number) => (ulong)number < _bound;
}
