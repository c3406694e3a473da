using Microsoft.Net.Http.Headers;

namespace OrleansStream.Rest.Http;

/// <summary>The media types of bodies and answers.</summary>
internal static class MediaTypes
{
    /// <summary>JSON.</summary>
    public const string Json = "application/json";

    /// <summary>One JSON text a line.</summary>
    public const string Ndjson = "application/x-ndjson";

    /// <summary>Kafka record batches of format 2, back to back.</summary>
    public const string RecordBatch = "application/vnd.kafka.recordbatch.v2";

    /// <summary>Several bodies, each with a media type of its own.</summary>
    public const string Multipart = "multipart/mixed";

    /// <summary>Any bytes.</summary>
    public const string Binary = "application/octet-stream";

    /// <summary>UTF-8 text.</summary>
    public const string Text = "text/plain";

    /// <summary>Server-sent events.</summary>
    public const string EventStream = "text/event-stream";

    /// <summary>The media type of a request's body, in the spelling of this class; JSON when the request names none.</summary>
    /// <param name="request">The request.</param>
    /// <param name="known">The types to choose from.</param>
    /// <returns>Null when it is none of the types, or its charset is not UTF-8.</returns>
    public static string? OfBody(HttpRequest request, IReadOnlyList<string> known)
    {
        var contentType = request.ContentType;
        if (string.IsNullOrEmpty(contentType))
            return Json;
        for (var i = 0; i < known.Count; i++)
        {
            if (contentType.Equals(known[i], StringComparison.OrdinalIgnoreCase))
                return known[i];
        }

        return MediaTypeHeaderValue.TryParse(contentType, out var parsed) ? OfBody(parsed, known) : null;
    }

    private static string? OfBody(MediaTypeHeaderValue parsed, IReadOnlyList<string> known)
    {
        var isUtf8 = !parsed.Charset.HasValue
            || parsed.Charset.Value!.Trim('"').Equals("utf-8", StringComparison.OrdinalIgnoreCase)
            || parsed.Charset.Value.Trim('"').Equals("us-ascii", StringComparison.OrdinalIgnoreCase);
        return isUtf8 ? known.FirstOrDefault(type => parsed.MediaType.Equals(type, StringComparison.OrdinalIgnoreCase)) : null;
    }

    /// <summary>Chooses the media type of an answer.</summary>
    /// <param name="request">The request.</param>
    /// <param name="offered">The available types, the preferred one first.</param>
    /// <returns>Null when <c>Accept</c> names none of them.</returns>
    public static string? OfAnswer(HttpRequest request, IReadOnlyList<string> offered)
    {
        var accept = request.Headers.Accept;
        if (accept.Count == 0 || accept.Count == 1 && (string.IsNullOrEmpty(accept[0]) || accept[0] == "*/*"))
            return offered[0];
        for (var i = 0; i < offered.Count && accept.Count == 1; i++)
        {
            if (offered[i].Equals(accept[0], StringComparison.OrdinalIgnoreCase))
                return offered[i];
        }

        return MediaTypeHeaderValue.TryParseList(accept, out var ranges) ? Preferred(ranges, offered) : null;
    }

    private static string? Preferred(IList<MediaTypeHeaderValue> ranges, IReadOnlyList<string> offered) =>
        ranges
            .Where(range => (range.Quality ?? 1) > 0)
            .OrderByDescending(range => range.Quality ?? 1)
            .SelectMany(range => offered.Where(type => new MediaTypeHeaderValue(type).IsSubsetOf(WithoutParameters(range))))
            .FirstOrDefault();

    private static MediaTypeHeaderValue WithoutParameters(MediaTypeHeaderValue range) => new(range.MediaType);
}
