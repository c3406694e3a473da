using System.Globalization;
using System.Text;

namespace OrleansStream.Comparison.Protocols;

/// <summary>The bytes of HTTP/1.1 requests.</summary>
internal static class HttpRequests
{
    /// <summary>A request with a body.</summary>
    /// <param name="path">The path.</param>
    /// <param name="contentType">The body's media type.</param>
    /// <param name="body">The body.</param>
    /// <param name="headers">Further header lines, each ended by CR LF.</param>
    public static byte[] Post(string path, string contentType, ReadOnlySpan<byte> body, string headers = "")
    {
        var head = Encoding.ASCII.GetBytes(
            $"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {contentType}\r\n{headers}"
            + string.Create(CultureInfo.InvariantCulture, $"Content-Length: {body.Length}\r\n\r\n"));
        return [.. head, .. body];
    }

    /// <summary>A request without one.</summary>
    /// <param name="path">The path with its query.</param>
    /// <param name="accept">The media type asked for.</param>
    public static byte[] Get(string path, string accept) =>
        Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {accept}\r\n\r\n");
}
