using Microsoft.Extensions.Time.Testing;
using OrleansStream.Errors;

namespace OrleansStream.Tests.Errors;

/// <summary>How often a failure that repeats is told.</summary>
public sealed class RepeatedFailuresTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider _time = new();
    private readonly RepeatedFailures _failures;

    public RepeatedFailuresTests() => _failures = new RepeatedFailures(_time);

    [Fact]
    public void IsToTell_WhenOneFailsAgainAndAgain_IsTrueOnceAPeriodWithHowOftenItFailed()
    {
        var told = new List<(double Seconds, int Count)>();
        for (var i = 0; i < 150; i++)
        {
            if (_failures.IsToTell("a", out var count))
                told.Add((i, count));
            else
                Assert.Equal(0, count);
            _time.Advance(Second);
        }

        Assert.Equal([(0, 1), (60, 60), (120, 60)], told);
    }

    [Fact]
    public void IsToTell_OfAnotherName_IsItsOwn()
    {
        Assert.True(_failures.IsToTell("a", out _));
        Assert.True(_failures.IsToTell("b", out _));
        Assert.False(_failures.IsToTell("b", out _));
        _time.Advance(RepeatedFailureLimits.TellPeriod);
        Assert.True(_failures.IsToTell("a", out var ofA));
        Assert.True(_failures.IsToTell("b", out var ofB));
        Assert.Equal((1, 2), (ofA, ofB));
    }

    [Fact]
    public void IsToTell_WhenThereAreTooManyNames_TellsAllFurtherOnesTogether()
    {
        for (var i = 0; i < RepeatedFailureLimits.NamesMax; i++)
            Assert.True(_failures.IsToTell($"{i}", out _));
        Assert.Equal(1, Enumerable.Range(0, 5_000).Count(i => _failures.IsToTell($"more {i}", out _)));
        Assert.False(_failures.IsToTell("0", out _));

        // They are told as what they are once the others are quiet.
        _time.Advance(RepeatedFailureLimits.TellPeriod);
        Assert.True(_failures.IsToTell("0", out var known));
        Assert.True(_failures.IsToTell("more 1", out var further));
        Assert.Equal((2, 1), (known, further));
        Assert.False(_failures.IsToTell("more 1", out _));
        Assert.True(_failures.IsToTell("more 2", out _));
    }

    [Fact]
    public void IsToTell_WhateverTheNames_KeepsABoundedCountOfThem()
    {
        var names = Enumerable.Range(0, 200_000).Select(i => $"{i}").ToArray();
        _failures.IsToTell("first", out _);
        var before = GC.GetAllocatedBytesForCurrentThread();
        foreach (var name in names)
            _failures.IsToTell(name, out _);
        // Its table grows to a thousand entries, and no further.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 500_000);
    }
}
