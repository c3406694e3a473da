using System.Net;
using System.Text.Json;
using OrleansStream.Contracts;

namespace OrleansStream.Client.Connections;

/// <summary>Reads answers that are small, and says what a refusal means.</summary>
internal static class Answers
{
    /// <summary>Reads a body to its end.</summary>
    /// <param name="content">The body.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">The body is longer than <see cref="ConnectionLimits.AnswerBytesMax"/>.</exception>
    public static async Task<byte[]> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        using var buffer = new AnswerBuffer();
        await buffer.ReadAsync(content, cancellationToken).ConfigureAwait(false);
        return buffer.Bytes.ToArray();
    }

    /// <summary>What the service said; null when it was somebody else, such as a proxy in between.</summary>
    /// <param name="body">The body of a refusal.</param>
    public static Problem? ProblemOf(ReadOnlySpan<byte> body)
    {
        try
        {
            return JsonSerializer.Deserialize(body, ApiJsonContext.Api.Problem);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>
    /// True when the request may have taken effect although it failed. The service says so of each of its own failures; of anybody else's nobody
    /// knows.
    /// </summary>
    /// <param name="status">The refusal's status.</param>
    /// <param name="problem">What the service said; null when it was somebody else.</param>
    public static bool IsOutcomeUnknown(HttpStatusCode status, Problem? problem) =>
        problem is null ? status >= HttpStatusCode.InternalServerError : problem.Outcome == "unknown";
}
