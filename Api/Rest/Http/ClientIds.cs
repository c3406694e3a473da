using System.Buffers;
using OrleansStream.Gateway.Admission;
using OrleansStream.Rest.Errors;

namespace OrleansStream.Rest.Http;

/// <summary>Finds the client of a request, for quotas.</summary>
internal static class ClientIds
{
    /// <summary>The header by which a client names itself.</summary>
    public const string Header = "Client-Id";

    private static readonly SearchValues<char> Characters =
        SearchValues.Create("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_");

    /// <summary>The client's own name, cut short; null when it gave none. It is not checked, because it is only for people who read logs.</summary>
    public static string? Named(HttpContext context)
    {
        if (!context.Request.Headers.TryGetValue(Header, out var named))
            return null;
        var id = named.ToString();
        return id.Length <= AdmissionLimits.ClientIdLengthMax ? id : id[..AdmissionLimits.ClientIdLengthMax];
    }

    /// <summary>The address that a request comes from.</summary>
    public static string AddressOf(HttpContext context) => context.Connection.RemoteIpAddress?.ToString() ?? "unknown";

    /// <summary>The client's own name, or else its address.</summary>
    /// <exception cref="RequestException">The client's name is not valid.</exception>
    public static string Of(HttpContext context)
    {
        if (!context.Request.Headers.TryGetValue(Header, out var named))
            return AddressOf(context);
        var id = named.ToString();
        return id.Length is > 0 and <= AdmissionLimits.ClientIdLengthMax && !id.AsSpan().ContainsAnyExcept(Characters) ? id
            : throw RequestException.Malformed(
                Header, $"'{Header}' must be 1 to {AdmissionLimits.ClientIdLengthMax} letters, digits, '.', '_' or '-'.");
    }
}
