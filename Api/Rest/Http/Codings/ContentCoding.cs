using OrleansStream.Gateway.Admission;
using OrleansStream.Rest.Errors;

namespace OrleansStream.Rest.Http.Codings;

/// <summary>The content codings that bodies may have (RFC 9110, section 8.4.1).</summary>
internal static class ContentCoding
{
    /// <summary>Their names, for errors and the description.</summary>
    public const string Names = "gzip, br, deflate, zstd";

    /// <summary>Undoes a body's coding.</summary>
    /// <param name="request">The request.</param>
    /// <returns>The body without its coding, which the caller disposes; null when it has none.</returns>
    /// <exception cref="RequestException">The coding is not taken.</exception>
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
                HttpFault.UnsupportedMediaType, $"Content-Encoding '{coding}' is not taken. Allowed: one of {Names}, or none."),
        };
    }
}
