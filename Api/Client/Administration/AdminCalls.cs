using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using OrleansStream.Client.Connections;

namespace OrleansStream.Client.Administration;

/// <summary>What all calls that manage something share.</summary>
internal sealed class AdminCalls
{
    private readonly ServiceCalls _repeated;
    private readonly ServiceCalls _once;

    /// <summary>Uses a client's connections.</summary>
    /// <param name="connection">The connections.</param>
    public AdminCalls(ServiceConnection connection)
    {
        _repeated = connection.WithRetries(ConnectionLimits.RetriesDefault, ConnectionLimits.BackoffDefault);
        _once = connection.WithRetries(0, ConnectionLimits.BackoffDefault);
    }

    /// <summary>Asks for JSON by a call that may be repeated.</summary>
    public Task<T> AskAsync<T>(
        HttpMethod method, string path, JsonTypeInfo<T> type, ReadOnlyMemory<byte>? body, CancellationToken cancellationToken) =>
        _repeated.AskAsync(method, path, type, body, cancellationToken);

    /// <summary>Asks for JSON by GET.</summary>
    public Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        _repeated.AskAsync(HttpMethod.Get, path, type, body: null, cancellationToken);

    /// <summary>Asks for JSON by a call whose repeat means something else.</summary>
    public Task<T> AskOnceAsync<T>(
        HttpMethod method, string path, JsonTypeInfo<T> type, ReadOnlyMemory<byte>? body, CancellationToken cancellationToken) =>
        _once.AskAsync(method, path, type, body, cancellationToken);

    /// <summary>Has something done by a call that may be repeated.</summary>
    public Task DoAsync(HttpMethod method, string path, ReadOnlyMemory<byte>? body, CancellationToken cancellationToken) =>
        _repeated.DoAsync(method, path, body, cancellationToken);

    /// <summary>
    /// Deletes something. That it is gone when the call is repeated means that the first try deleted it. Of a member the service says so with 409
    /// <c>UNKNOWN_MEMBER_ID</c>.
    /// </summary>
    public async Task DeleteAsync(string path, CancellationToken cancellationToken)
    {
        using var request = ServiceCalls.Make(HttpMethod.Delete, path, body: null);
        request.Options.Set(EndpointHandler.GivenUp, cancellationToken);
        try
        {
            using var response = await _repeated.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }
        catch (StreamServiceException exception) when (
            (exception.Status == System.Net.HttpStatusCode.NotFound || exception.ErrorCode == "UNKNOWN_MEMBER_ID")
            && EndpointHandler.MayHaveTakenEffect(request))
        {
            // An earlier try of this call, whose answer was lost, deleted it.
        }
    }

    /// <summary>Writes a JSON object.</summary>
    /// <param name="write">Writes its fields.</param>
    public static ReadOnlyMemory<byte> Json(Action<Utf8JsonWriter> write)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(bytes))
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteEndObject();
        }

        return bytes.WrittenMemory;
    }

    /// <summary>A part of a path, or of a query.</summary>
    public static string Part(string text) => Uri.EscapeDataString(text);

    /// <summary>A query of the values that are there.</summary>
    /// <param name="values">Names and values; null leaves one out.</param>
    public static string Query(params (string Name, object? Value)[] values)
    {
        var given = values.Where(value => value.Value is not null)
            .Select(value => $"{value.Name}={Part(Convert.ToString(value.Value, CultureInfo.InvariantCulture)!)}");
        return string.Join('&', given) is { Length: > 0 } query ? "?" + query : "";
    }
}
