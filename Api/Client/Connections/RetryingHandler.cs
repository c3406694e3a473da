using System.Net;
using System.Threading.RateLimiting;
using Microsoft.Extensions.Http.Resilience;
using OrleansStream.Client.Telemetry;
using Polly;
using Polly.Retry;
using Polly.Timeout;

namespace OrleansStream.Client.Connections;

/// <summary>
/// Repeats requests that may be repeated: those that had no answer, or an answer that says come again. The waits grow exponentially, vary at random,
/// and are as long as <c>Retry-After</c> asks. A request that has a deadline is not repeated when there is no time left for it.
/// </summary>
internal static class RetryingHandler
{
    /// <summary>Makes the handler.</summary>
    /// <param name="inner">Makes one try.</param>
    /// <param name="retries">How many tries follow the first.</param>
    /// <param name="backoff">The wait before the second try.</param>
    /// <param name="timeout">How long a request may take with all its tries, in place of their count; null to go by the count.</param>
    /// <param name="triesAtOnceMax">The most tries under way at once; null for no bound.</param>
    /// <param name="settings">The clock, and the longest try.</param>
    public static HttpMessageHandler Make(
        HttpMessageHandler inner, int retries, TimeSpan backoff, TimeSpan? timeout, int? triesAtOnceMax, ConnectionSettings settings)
    {
        if (timeout is not null && backoff < ConnectionLimits.TimedBackoffMin)
            backoff = ConnectionLimits.TimedBackoffMin;
        var pipeline = new ResiliencePipelineBuilder<HttpResponseMessage> { TimeProvider = settings.Time };
        if (retries > 0 || timeout is not null)
        {
            pipeline.AddRetry(new HttpRetryStrategyOptions
            {
                MaxRetryAttempts = timeout is null ? retries : int.MaxValue,
                ShouldRetryAfterHeader = false,
                DelayGenerator = arguments => ValueTask.FromResult<TimeSpan?>(WaitBefore(arguments, backoff, settings.Time)),
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
                    && HasTimeFor(arguments, backoff, settings.Time)),
            });
        }

        // Who waits between two tries takes no place from others, and who waits for a place has that time from its deadline, and not from a try's.
        if (triesAtOnceMax is { } most)
        {
            pipeline.AddConcurrencyLimiter(new ConcurrencyLimiterOptions
            {
                PermitLimit = most,
                QueueLimit = int.MaxValue,
                QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
            });
        }

        pipeline.AddTimeout(new TimeoutStrategyOptions { Timeout = settings.TryMax });
        var repeating = new ResilienceHandler(pipeline.Build()) { InnerHandler = new WholeAnswerHandler(inner) };
        return timeout is { } longest ? new DeadlineHandler(repeating, longest, settings.Time) : repeating;
    }

    // Whoever asks for a longer wait than is left would refuse again; a wait of the client's own is cut to what is left.
    private static bool HasTimeFor(RetryPredicateArguments<HttpResponseMessage> arguments, TimeSpan backoff, TimeProvider time) =>
        DeadlineHandler.LeftOf(arguments.Context.GetRequestMessage(), time) is not { } left
        || (left > backoff && left > (RetryAfterOf(arguments.Outcome, time) ?? TimeSpan.Zero));

    private static TimeSpan WaitBefore(RetryDelayGeneratorArguments<HttpResponseMessage> arguments, TimeSpan backoff, TimeProvider time)
    {
        var left = DeadlineHandler.LeftOf(arguments.Context.GetRequestMessage(), time);
        if (RetryAfterOf(arguments.Outcome, time) is { } asked)
            return left is null || asked > ConnectionLimits.TimedBackoffMin ? asked : ConnectionLimits.TimedBackoffMin;
        var wait = Backoff.After(arguments.AttemptNumber, backoff, ConnectionLimits.BackoffMax);
        if (left is null)
            return wait;
        // So that there is a last try, which begins about as long before the deadline as the first wait took.
        var rest = left.Value - backoff;
        return wait < rest ? wait : rest > TimeSpan.Zero ? rest : TimeSpan.Zero;
    }

    private static TimeSpan? RetryAfterOf(in Outcome<HttpResponseMessage> outcome, TimeProvider time)
    {
        if (outcome.Result?.Headers.RetryAfter is not { } asked)
            return null;
        var wait = asked.Delta ?? asked.Date - time.GetUtcNow() ?? TimeSpan.Zero;
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait > ConnectionLimits.RetryAfterMax ? ConnectionLimits.RetryAfterMax : wait;
    }

    private static bool IsTransient(Exception exception) => exception is SignInException signIn
        ? signIn.IsTransient
        : exception is HttpRequestException or IOException or TimeoutRejectedException;

    /// <summary>
    /// An answer counts once it is there to its end: one that breaks off is no answer. It notes when a failure does not say that nothing took effect.
    /// </summary>
    private sealed class WholeAnswerHandler(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
            try
            {
                var body = await Answers.ReadAsync(response.Content, cancellationToken).ConfigureAwait(false);
                var status = response.StatusCode;
                if (status >= HttpStatusCode.InternalServerError && Answers.IsOutcomeUnknown(status, Answers.ProblemOf(body)))
                    request.Options.Set(EndpointHandler.IsAmbiguous, true);
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
