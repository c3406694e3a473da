using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>
/// Tells which APIs there are, and at which versions. Always all of them: what is left out makes clients fall back to formats of old.
/// </summary>
internal sealed class ApiVersionsHandler : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => ApiVersionsRequest.Api;

    /// <inheritdoc/>
    public Task HandleAsync(KafkaCall call)
    {
        if (call.IsVersionServed)
            ApiVersionsRequest.Read(call.OpenBody(), call.Version);
        // A client that is newer asks again, by a version that the list names.
        var error = call.IsVersionServed ? KafkaError.None : KafkaError.UnsupportedVersion;
        new ApiVersionsAnswer(error, call.Connection.Apis).Write(call.Answer, call.IsVersionServed ? call.Version : (short)0);
        return Task.CompletedTask;
    }
}
