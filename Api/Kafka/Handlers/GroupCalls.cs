using OrleansStream.Errors;
using OrleansStream.Groups;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Randomness;

namespace OrleansStream.Kafka.Handlers;

/// <summary>What all requests about groups have in common.</summary>
internal static class GroupCalls
{
    /// <summary>
    /// The code for an error of a group. All that clients ask of a group may be asked again, so an unknown outcome is only a reason to.
    /// </summary>
    /// <param name="error">The error; null for none.</param>
    public static KafkaError ErrorOf(StreamError? error) =>
        KafkaErrors.Of(error is null ? null : error with { OutcomeUnknown = false }, KafkaError.CoordinatorLoadInProgress);

    /// <summary>Asks a group.</summary>
    /// <typeparam name="T">The answer.</typeparam>
    /// <param name="call">The request.</param>
    /// <param name="group">The group's name, which need not be one.</param>
    /// <param name="ask">Asks it; its name is valid.</param>
    /// <param name="refused">Makes an answer of a code.</param>
    public static async Task<T> AskAsync<T>(KafkaCall call, string group, Func<Task<T>> ask, Func<KafkaError, T> refused)
    {
        if (GroupName.ValidateText(group) is not null)
            return refused(KafkaError.InvalidGroupId);
        try
        {
            return await ask();
        }
        catch (StreamException exception)
        {
            return refused(ErrorOf(exception.Error));
        }
        catch (OperationCanceledException) when (call.Connection.Stopping.IsCancellationRequested && !call.Closed.IsCancellationRequested)
        {
            // The service stops: another broker answers it.
            return refused(KafkaError.CoordinatorLoadInProgress);
        }
        catch (Exception exception) when (LostCalls.IsLost(exception, call.Closed))
        {
            // It is moving to another server.
            return refused(KafkaError.CoordinatorLoadInProgress);
        }
    }

    /// <summary>What a client calls itself, as far as a group remembers it.</summary>
    /// <param name="call">Its request.</param>
    public static string ClientIdOf(KafkaCall call) => Shorten(call.ClientId ?? "");

    /// <summary>Where a client is, as Kafka writes it.</summary>
    /// <param name="call">Its request.</param>
    public static string HostOf(KafkaCall call) => $"/{(call.Connection.Remote as System.Net.IPEndPoint)?.Address.ToString() ?? "unknown"}";

    /// <summary>An id that no other member has: what the client calls itself, and a random part.</summary>
    /// <param name="call">The request of a member without an id.</param>
    /// <param name="instanceId">The id that it chose itself; null for none.</param>
    /// <param name="random">Where the random part comes from.</param>
    public static string NewMember(KafkaCall call, string? instanceId, RandomSource random) =>
        $"{(instanceId is null ? ClientIdOf(call) : Shorten(instanceId))}-{random.NewId()}";

    // With a random part behind it, it is still the id of a member.
    private static string Shorten(string text) => text.Length <= HandlerLimits.ClientIdLengthMax ? text : text[..HandlerLimits.ClientIdLengthMax];
}
