using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using OrleansStream.Contracts;
using Polly.Timeout;

namespace OrleansStream.Client.Connections;

/// <summary>Makes calls, and turns what fails into one kind of exception.</summary>
/// <param name="connection">The connections.</param>
/// <param name="handler">Sends requests, and repeats those that may be repeated.</param>
[SuppressMessage("Design", "CA1001", Justification = "The invoker disposes nothing: the handlers are the connection's.")]
internal sealed class ServiceCalls(ServiceConnection connection, HttpMessageHandler handler)
{
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    private readonly HttpMessageInvoker _invoker = new(handler, disposeHandler: false);

    /// <summary>The clock that waits are timed by.</summary>
    public TimeProvider Time => connection.Time;

    /// <summary>Sends a request.</summary>
    /// <param name="request">The request; its address is a path below the service's.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>An answer of success, which the caller disposes.</returns>
    /// <exception cref="StreamServiceException">It was refused, or no answer came.</exception>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        HttpResponseMessage response;
        try
        {
            response = await _invoker.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }
        catch (SignInException exception) when (!exception.IsTransient)
        {
            throw new StreamServiceException(exception.Message, exception)
            {
                ErrorCode = StreamServiceException.NotSignedIn,
                IsOutcomeUnknown = IsWriteThatMayHaveTakenEffect(request),
            };
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or TimeoutRejectedException)
        {
            throw new StreamServiceException($"{request.Method} {request.RequestUri} had no answer: {exception.Message}", exception)
            {
                ErrorCode = StreamServiceException.NetworkException,
                IsRetriable = true,
                IsOutcomeUnknown = IsWriteThatMayHaveTakenEffect(request),
            };
        }

        if (response.IsSuccessStatusCode)
            return response;
        using (response)
        {
            var refusal = await RefusalAsync(response, cancellationToken).ConfigureAwait(false);
            // An earlier try may have taken effect, whatever the last one was answered.
            throw refusal.WithOutcome(refusal.IsOutcomeUnknown || IsWriteThatMayHaveTakenEffect(request));
        }
    }

    /// <summary>Asks for JSON.</summary>
    /// <typeparam name="T">What the answer is.</typeparam>
    /// <param name="method">The method.</param>
    /// <param name="path">The path with its query.</param>
    /// <param name="type">How the answer is read.</param>
    /// <param name="body">The request's body as JSON; null for none.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <param name="deadline">When its time is over, as a timestamp of the clock, for calls that go by a time; null for as long as these take.</param>
    /// <exception cref="StreamServiceException">It was refused, or no answer came.</exception>
    public async Task<T> AskAsync<T>(
        HttpMethod method, string path, JsonTypeInfo<T> type, ReadOnlyMemory<byte>? body, CancellationToken cancellationToken, long? deadline = null)
    {
        using var request = Make(method, path, body);
        request.Options.Set(EndpointHandler.GivenUp, cancellationToken);
        if (deadline is { } at)
            request.Options.Set(DeadlineHandler.Deadline, at);
        using var response = await SendAsync(request, cancellationToken).ConfigureAwait(false);
        var bytes = await Answers.ReadAsync(response.Content, cancellationToken).ConfigureAwait(false);
        try
        {
            return JsonSerializer.Deserialize(bytes, type) ?? throw new JsonException("The answer is null.");
        }
        catch (JsonException exception)
        {
            throw new StreamServiceException($"The answer to {method} {path} is not this service's: {exception.Message}", exception) { Status = response.StatusCode };
        }
    }

    /// <summary>Asks for something to be done that has no answer.</summary>
    /// <param name="method">The method.</param>
    /// <param name="path">The path with its query.</param>
    /// <param name="body">The request's body as JSON; null for none.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">It was refused, or no answer came.</exception>
    public async Task DoAsync(HttpMethod method, string path, ReadOnlyMemory<byte>? body, CancellationToken cancellationToken)
    {
        using var request = Make(method, path, body);
        request.Options.Set(EndpointHandler.GivenUp, cancellationToken);
        using var response = await SendAsync(request, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes a request with a JSON body.</summary>
    /// <param name="method">The method.</param>
    /// <param name="path">The path with its query.</param>
    /// <param name="body">The body; null for none.</param>
    public static HttpRequestMessage Make(HttpMethod method, string path, ReadOnlyMemory<byte>? body)
    {
        var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative));
        if (body is { } json)
        {
            request.Content = new ReadOnlyMemoryContent(json);
            request.Content.Headers.ContentType = Json;
        }

        return request;
    }

    private static bool IsWriteThatMayHaveTakenEffect(HttpRequestMessage request) =>
        request.Method != HttpMethod.Get && EndpointHandler.MayHaveTakenEffect(request);

    private static async Task<StreamServiceException> RefusalAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        Problem? problem = null;
        try
        {
            problem = Answers.ProblemOf(await Answers.ReadAsync(response.Content, cancellationToken).ConfigureAwait(false));
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            // The answer broke off. The status tells enough.
        }

        var isServers = response.StatusCode >= HttpStatusCode.InternalServerError;
        return new StreamServiceException(problem is null
            ? $"{response.RequestMessage?.Method} {response.RequestMessage?.RequestUri} was answered with status {(int)response.StatusCode}."
            : $"{problem.ErrorCode}: {problem.Detail}")
        {
            ErrorCode = problem?.ErrorCode ?? "UNKNOWN_SERVER_ERROR",
            Status = response.StatusCode,
            IsRetriable = problem?.Retriable ?? (isServers || response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout),
            IsOutcomeUnknown = Answers.IsOutcomeUnknown(response.StatusCode, problem),
            Problem = problem,
        };
    }
}
