using OrleansStream.Groups.State;

namespace OrleansStream.Tests.Groups.State;

/// <summary>When a record that failed is tried again, and when no more.</summary>
public sealed class RetryPolicyTests
{
    private static RetryPolicy Policy(double jitter = 0, params int[] backoffMs) => new("g", MaxAttempts: 4, [.. backoffMs], jitter, InPlace: false, DeadLetterTopic: null);

    [Theory]
    [InlineData(1, 1_100)]
    [InlineData(2, 1_200)]
    [InlineData(3, 1_200)]
    public void NextDueMs_WhenAttemptsAreLeft_AddsTheWaitOfThatAttempt(int attempt, long expected) =>
        Assert.Equal(expected, Policy(0, 100, 200).NextDueMs(attempt, nowMs: 1_000, random: 0.5));

    [Fact]
    public void NextDueMs_WhenItWasTheLastAttempt_IsNone() => Assert.Null(Policy(0, 100).NextDueMs(4, 1_000, 0));

    [Fact]
    public void NextDueMs_WhenThereIsJitter_IsLaterByThatPartAtMost()
    {
        var due = Enumerable.Range(0, 11).Select(i => Policy(0.5, 100).NextDueMs(1, 1_000, i / 10.0)!.Value).ToArray();
        Assert.Equal((1_100, 1_150), (due.Min(), due.Max()));
    }

    [Fact]
    public void PartitionOf_WhenTheTopicHasFewer_IsTheLast() =>
        Assert.Equal([0, 1, 2, 2], new[] { 1, 2, 3, 9 }.Select(attempt => RetryPolicy.PartitionOf(attempt, 3)));
}
