using OrleansStream.Errors;
using OrleansStream.Kafka.Errors;

namespace OrleansStream.Tests.Kafka;

/// <summary>Every error code of the service has one of Kafka's, and what may succeed later has one that clients repeat.</summary>
public sealed class KafkaErrorsTests
{
    public static TheoryData<StreamErrorCode> Codes => [.. Enum.GetValues<StreamErrorCode>()];

    // A group's clients answer a rebalance by joining, and repeat nothing.
    public static TheoryData<StreamErrorCode> Repeatable =>
        [.. Enum.GetValues<StreamErrorCode>().Where(code => code.IsRetriable() && code != StreamErrorCode.RebalanceInProgress)];

    [Theory, MemberData(nameof(Codes))]
    public void Of_EveryCode_IsOneOfKafkas(StreamErrorCode code) => Assert.True(Enum.IsDefined(KafkaErrors.Of(code)));

    [Theory, MemberData(nameof(Repeatable))]
    public void Of_WhatMaySucceedLater_IsRepeatedByClients(StreamErrorCode code) =>
        Assert.True(KafkaErrors.IsRepeated(KafkaErrors.Of(code)), $"{code} is told as {KafkaErrors.Of(code)}.");

    [Theory, MemberData(nameof(Codes))]
    public void Of_AnUnknownOutcome_IsRepeatedByClients(StreamErrorCode code) => Assert.Equal(
        KafkaError.RequestTimedOut, KafkaErrors.Of(new StreamError(code, "") { OutcomeUnknown = true }));

    [Fact]
    public void Of_NoError_IsNone() => Assert.Equal(KafkaError.None, KafkaErrors.Of(error: null));
}
