using OrleansStream.Gateway.Admission;
using OrleansStream.HttpErrors;
using OrleansStream.Rest.Errors;

namespace OrleansStream.Rest.Http.Codings;

/// <summary>The content codings that bodies may have (RFC 9110, section 8.4.1).</summary>
internal static class ContentCoding
{
    /// <summary>The codings' names, for errors and the API's description.</summary>
    public const string Names = "gzip, br, deflate, zstd";

    /// <summary>
    /// True when the caller would take an answer in a coding. Some callers, such as Python's, name only <c>identity</c>, which is none.
    /// </summary>
    /// <param name="context">The request.</param>
    public static bool IsWanted(HttpContext context)
    {
        var accepted = context.Request.Headers.AcceptEncoding;
        return accepted.Count > 0 && (accepted.Count > 1 || !string.Equals(accepted[0], "identity", StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Decodes a body.</summary>
    /// <param name="request">The request.</param>
    /// <returns>The decoded body, which the caller disposes; null when the body has no coding.</returns>
    /// <exception cref="RequestException">The coding is not supported.</exception>
    public static DecodedBody? TryDecode(HttpRequest request)
    {
        string? coding = request.Headers.ContentEncoding;
        if (string.IsNullOrEmpty(coding))
            return null;
        var load = request.HttpContext.Features.Get<RequestLoad>();
        return coding.ToLowerInvariant() switch
        {
            "identity" => null,
            "gzip" or "x-gzip" => new GzipBody(request.Body) { Load = load },
            "deflate" => new DeflateBody(request.Body) { Load = load },
            "br" => new BrotliBody(request.Body) { Load = load },
            "zstd" => new ZstdBody(request.Body) { Load = load },
            _ => throw new RequestException(
                HttpFault.UnsupportedMediaType, $"Content-Encoding '{coding}' is not supported. Allowed: one of {Names}, or none."),
        };
    }
}
