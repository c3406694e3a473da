using System.Globalization;
using System.Net;

namespace OrleansStream.Kafka.Brokers;

/// <summary>Where the endpoint listens.</summary>
/// <param name="Host"><c>localhost</c>, an IP address, or <c>*</c>.</param>
/// <param name="Port">The port; 0 for a free one.</param>
internal sealed record ListenAddress(string Host, int Port)
{
    private const string Localhost = "localhost", Any = "*";

    /// <summary>True when it is every address of this machine.</summary>
    public bool IsAny =>
        Host == Any || (IPAddress.TryParse(Host, out var address) && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)));

    /// <summary>True when it is reached from this machine only.</summary>
    public bool IsLoopback => Host == Localhost || (IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address));

    /// <summary>True when it is both of this machine's own addresses.</summary>
    public bool IsLocalhost => Host == Localhost;

    /// <summary>The IP address; null for <c>localhost</c> and <c>*</c>.</summary>
    public IPAddress? Address => IPAddress.TryParse(Host, out var address) ? address : null;

    /// <summary>Reads an address.</summary>
    /// <param name="text">Its text.</param>
    /// <returns>Null when it is none.</returns>
    public static ListenAddress? TryParse(string text)
    {
        var colon = text.LastIndexOf(':');
        if (colon <= 0 || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || port > ushort.MaxValue)
        {
            return null;
        }

        var host = text[..colon];
        if (host.StartsWith('[') && host.EndsWith(']'))
            host = host[1..^1];
        else if (host.Contains(':'))
            return null;
        return host is Localhost or Any || IPAddress.TryParse(host, out _) ? new ListenAddress(host, port) : null;
    }

    /// <inheritdoc/>
    public override string ToString() => Host.Contains(':') ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}
