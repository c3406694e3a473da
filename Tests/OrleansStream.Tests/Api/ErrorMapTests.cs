using OrleansStream.Errors;
using OrleansStream.HttpErrors;

namespace OrleansStream.Tests.Api;

public class ErrorMapTests
{
    public static TheoryData<StreamErrorCode> Codes => [.. Enum.GetValues<StreamErrorCode>().Where(c => c != StreamErrorCode.None)];

    [Theory, MemberData(nameof(Codes))]
    public void Of_WhenAnyCode_IsAnErrorStatusWithATitle(StreamErrorCode code)
    {
        var error = ErrorMap.Of(code);
        Assert.InRange(error.Status, 400, 599);
        Assert.NotEmpty(error.Title);
        // What the caller must change cannot succeed by itself; what is the server's own matter may.
        Assert.Equal(
            error.Status >= 500 || error.Status == 429 || code is StreamErrorCode.RebalanceInProgress or StreamErrorCode.IdempotencyKeyInUse,
            error.Retriable);
    }

    [Fact]
    public void Of_WhenNoError_Throws() => Assert.Throws<ArgumentOutOfRangeException>(() => ErrorMap.Of(StreamErrorCode.None));

    [Theory]
    [InlineData(StreamErrorCode.UnknownTopicOrPartition, "UNKNOWN_TOPIC_OR_PARTITION")]
    [InlineData(StreamErrorCode.InvalidTopicException, "INVALID_TOPIC_EXCEPTION")]
    [InlineData(StreamErrorCode.KafkaStorageError, "KAFKA_STORAGE_ERROR")]
    [InlineData(StreamErrorCode.UnknownServerError, "UNKNOWN_SERVER_ERROR")]
    public void NameOf_WhenCode_IsKafkasName(StreamErrorCode code, string name) => Assert.Equal(name, ErrorMap.NameOf(code));

    [Fact]
    public void Of_WhenAnyFault_IsAnErrorStatusWithATitle() => Assert.All(Enum.GetValues<HttpFault>(), fault =>
    {
        Assert.InRange(ErrorMap.Of(fault).Status, 400, 599);
        Assert.NotEmpty(ErrorMap.Of(fault).Title);
    });
}
