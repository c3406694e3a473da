using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using OrleansStream.Contracts;
using OrleansStream.WebConsole.Access;

namespace OrleansStream.WebConsole.Calls;

/// <summary>Calls the service's API as any other client does, with what the user has signed in with.</summary>
/// <param name="http">Sends the calls; its base address is the console's.</param>
/// <param name="session">Who has signed in.</param>
public sealed class StreamApi(HttpClient http, Session session)
{
    private const string Root = "../v1/";

    /// <summary>The address of the API, for people: what a curl command begins with.</summary>
    public string Address => new Uri(http.BaseAddress!, "..").AbsoluteUri.TrimEnd('/');

    /// <summary>GETs an answer.</summary>
    /// <param name="path">The path below <c>/v1/</c>, with its query; names are escaped.</param>
    /// <param name="type">The answer's type.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ApiException">The service refused, or could not be reached.</exception>
    public Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellationToken = default) =>
        SendAsync(HttpMethod.Get, path, body: null, type, cancellationToken);

    /// <summary>Sends a call, and gives its answer.</summary>
    /// <param name="method">The HTTP method.</param>
    /// <param name="path">The path below <c>/v1/</c>.</param>
    /// <param name="body">The body; null for none.</param>
    /// <param name="type">The answer's type.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ApiException">The service refused, or could not be reached.</exception>
    public async Task<T> SendAsync<T>(
        HttpMethod method, string path, HttpContent? body, JsonTypeInfo<T> type, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(method, path, body, cancellationToken);
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        return (await JsonSerializer.DeserializeAsync(stream, type, cancellationToken))!;
    }

    /// <summary>Sends a call whose answer does not matter.</summary>
    /// <param name="method">The HTTP method.</param>
    /// <param name="path">The path below <c>/v1/</c>.</param>
    /// <param name="body">The body; null for none.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ApiException">The service refused, or could not be reached.</exception>
    public async Task DoAsync(HttpMethod method, string path, HttpContent? body = null, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(method, path, body, cancellationToken);
    }

    /// <summary>GETs an answer as a document, for what has no type.</summary>
    /// <param name="path">The path below <c>/v1/</c>, with its query.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ApiException">The service refused, or could not be reached.</exception>
    public async Task<JsonDocument> ReadAsync(string path, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(HttpMethod.Get, path, body: null, cancellationToken);
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        return await JsonDocument.ParseAsync(stream, cancellationToken: cancellationToken);
    }

    /// <summary>POSTs, and gives the answer as a document.</summary>
    /// <param name="path">The path below <c>/v1/</c>.</param>
    /// <param name="body">The body.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ApiException">The service refused, or could not be reached.</exception>
    public async Task<JsonDocument> PostAsync(string path, JsonNode body, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(HttpMethod.Post, path, Json(body), cancellationToken);
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        return await JsonDocument.ParseAsync(stream, cancellationToken: cancellationToken);
    }

    /// <summary>Appends records that are a JSON text a line each.</summary>
    /// <param name="topic">The topic's name, not escaped.</param>
    /// <param name="lines">JSON records, one a line.</param>
    /// <param name="cancellationToken">Ends the wait; what was sent may be stored.</param>
    /// <returns>What came of each line, in their order.</returns>
    /// <exception cref="ApiException">The service refused all of them, or could not be reached.</exception>
    public async Task<IReadOnlyList<ProduceResult>> AppendLinesAsync(string topic, string lines, CancellationToken cancellationToken = default)
    {
        using var body = new StringContent(lines, Encoding.UTF8, "application/x-ndjson");
        using var response = await SendAsync(HttpMethod.Post, $"topics/{Text.Escape(topic)}/records", body, cancellationToken);
        var answer = await response.Content.ReadAsStringAsync(cancellationToken);
        return [.. answer.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonSerializer.Deserialize(line, ApiJsonContext.Api.ProduceResult)!)];
    }

    /// <summary>A body of the media type <c>application/json</c>.</summary>
    /// <param name="json">A JSON text, whole.</param>
    public static HttpContent Json(JsonNode json)
    {
        ArgumentNullException.ThrowIfNull(json);
        return new StringContent(json.ToJsonString(), Encoding.UTF8, "application/json");
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? body, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, Root + path) { Content = body };
        if (session.Credential is { } credential)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", credential);
        HttpResponseMessage response;
        try
        {
            response = await http.SendAsync(request, cancellationToken);
        }
        catch (HttpRequestException exception)
        {
            throw new ApiException(problem: null, $"The service did not answer: {exception.Message}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ApiException(problem: null, $"The service did not answer within {Text.Seconds(http.Timeout.TotalSeconds)}.");
        }

        if (response.IsSuccessStatusCode)
            return response;
        var failure = await ReadFailureAsync(response, cancellationToken);
        if (response.StatusCode == HttpStatusCode.Unauthorized)
            session.End(failure.Message);
        response.Dispose();
        throw failure;
    }

    private static async Task<ApiException> ReadFailureAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        try
        {
            if (JsonSerializer.Deserialize(text, ApiJsonContext.Api.Problem) is { } problem)
                return new ApiException(problem, problem.Detail);
        }
        catch (JsonException)
        {
            // A proxy's answer, say.
        }

        return new ApiException(problem: null, $"The answer was {(int)response.StatusCode} {response.ReasonPhrase}, without an explanation.");
    }
}
