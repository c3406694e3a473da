using Microsoft.Extensions.Http.Resilience;
using OrleansStream.Client.Telemetry;
using Polly;
using Polly.Timeout;

namespace OrleansStream.Client.Connections;

/// <summary>
/// Repeats requests that may be repeated: those that had no answer, or an answer that says come again. The waits grow exponentially, vary at random,
/// and are as long as <c>Retry-After</c> asks.
/// </summary>
internal static class RetryingHandler
{
    private static readonly ResiliencePropertyKey<long> FirstFailure = new("OrleansStream.FirstFailure");

    /// <summary>Makes the handler.</summary>
    /// <param name="inner">Makes one try.</param>
    /// <param name="retries">How many tries follow the first.</param>
    /// <param name="backoff">The wait before the second try.</param>
    /// <param name="timeout">For how long tries follow the first that failed, in place of their count; null to go by the count.</param>
    /// <param name="settings">The clock, and the longest try.</param>
    public static HttpMessageHandler Make(HttpMessageHandler inner, int retries, TimeSpan backoff, TimeSpan? timeout, ConnectionSettings settings)
    {
        var pipeline = new ResiliencePipelineBuilder<HttpResponseMessage> { TimeProvider = settings.Time };
        if (retries > 0 || timeout is not null)
        {
            pipeline.AddRetry(new HttpRetryStrategyOptions
            {
                MaxRetryAttempts = timeout is null ? retries : int.MaxValue,
                Delay = backoff,
                MaxDelay = ConnectionLimits.BackoffMax,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                ShouldRetryAfterHeader = true,
                OnRetry = arguments =>
                {
                    var request = arguments.Context.GetRequestMessage();
                    var reason = arguments.Outcome.Exception?.Message ?? $"{(int)arguments.Outcome.Result!.StatusCode}";
                    ClientLog.Repeats(
                        settings.Log, request?.Method, request?.RequestUri?.ToString(), reason, arguments.AttemptNumber + 2, arguments.RetryDelay);
                    return default;
                },
                ShouldHandle = arguments => ValueTask.FromResult(
                    (arguments.Outcome.Exception is { } exception
                        ? IsTransient(exception)
                        : HttpClientResiliencePredicates.IsTransient(arguments.Outcome))
                    && (timeout is not { } longest || SinceFirstFailure(arguments.Context, settings.Time) < longest)),
            });
        }

        pipeline.AddTimeout(new TimeoutStrategyOptions { Timeout = settings.TryMax });
        return new ResilienceHandler(pipeline.Build()) { InnerHandler = new WholeAnswerHandler(inner) };
    }

    private static TimeSpan SinceFirstFailure(ResilienceContext context, TimeProvider time)
    {
        if (context.Properties.TryGetValue(FirstFailure, out var at))
            return time.GetElapsedTime(at);
        context.Properties.Set(FirstFailure, time.GetTimestamp());
        return TimeSpan.Zero;
    }

    private static bool IsTransient(Exception exception) => exception is SignInException signIn
        ? signIn.IsTransient
        : exception is HttpRequestException or IOException or TimeoutRejectedException;

    /// <summary>An answer counts once it is there to its end: one that breaks off is no answer.</summary>
    private sealed class WholeAnswerHandler(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
            try
            {
                var body = await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
                var whole = new ByteArrayContent(body);
                foreach (var (name, values) in response.Content.Headers)
                    whole.Headers.TryAddWithoutValidation(name, values);
                response.Content = whole;
                return response;
            }
            catch (Exception exception)
            {
                request.Options.Set(EndpointHandler.IsAmbiguous, true);
                response.Dispose();
                if (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested)
                    throw new HttpRequestException($"The answer broke off: {exception.Message}", exception);
                throw;
            }
        }
    }
}
