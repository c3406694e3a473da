using Microsoft.Extensions.Options;
using OrleansStream.Topics;

namespace OrleansStream.Kafka.Brokers;

/// <summary>Checks the settings at start. Each message names the key, what it is, and what it must be.</summary>
internal sealed class KafkaOptionsValidator : IValidateOptions<KafkaOptions>
{
    private const string Section = KafkaOptions.SectionName;
    private const int HostLengthMax = 253;

    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, KafkaOptions options)
    {
        string[] failures = [.. Check(options)];
        return failures.Length == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    private static IEnumerable<string> Check(KafkaOptions options)
    {
        if (options.Listen is { } listen && ListenAddress.TryParse(listen) is null)
        {
            yield return $"{Section}:Listen is '{listen}'; it must be localhost, an IP address (IPv6 in brackets) or *, then ':' and a port, such as "
                + $"{KafkaOptions.DefaultListen}.";
        }

        if (options.AdvertisedHost is { } host && (host.Length is 0 or > HostLengthMax || Uri.CheckHostName(host) == UriHostNameType.Unknown))
            yield return $"{Section}:AdvertisedHost is '{host}'; it must be a host's name or IP address.";
        if (options.AdvertisedPort is < 1 or > ushort.MaxValue)
            yield return $"{Section}:AdvertisedPort is {options.AdvertisedPort}; it must be from 1 to {ushort.MaxValue}.";
        if (options.NodeId is < 0)
            yield return $"{Section}:NodeId is {options.NodeId}; it must be from 0 to {int.MaxValue}.";
        if (!options.Certificate.IsSet && (options.Certificate.KeyPath ?? options.Certificate.Password) is not null)
            yield return $"{Section}:Certificate:Path is empty, and another setting of {Section}:Certificate is set; it must name the certificate's file.";
        if (options.AutoCreatePartitions is < 1 or > TopicLimits.PartitionsMax)
            yield return $"{Section}:AutoCreatePartitions is {options.AutoCreatePartitions}; it must be from 1 to {TopicLimits.PartitionsMax}.";
    }
}
