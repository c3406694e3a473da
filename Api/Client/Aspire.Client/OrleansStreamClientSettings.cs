using System.Data.Common;
using Microsoft.Extensions.Configuration;

namespace OrleansStream.Client.Hosting;

/// <summary>How an application's client is connected and watched.</summary>
public sealed class OrleansStreamClientSettings
{
    /// <summary>
    /// Where the service is: an address, such as <c>http://localhost:8080</c>, or <c>Endpoint=http://localhost:8080;ApiKey=os_…</c>. Several nodes
    /// are separated by commas. <c>ClientId</c> can be in it, too.
    /// </summary>
    public string? ConnectionString { get; set; }

    /// <summary>True for no health check.</summary>
    public bool DisableHealthChecks { get; set; }

    /// <summary>True for no traces.</summary>
    public bool DisableTracing { get; set; }

    /// <summary>True for no metrics.</summary>
    public bool DisableMetrics { get; set; }

    /// <summary>Takes over what a section of the configuration sets.</summary>
    /// <param name="section">The section.</param>
    internal void Read(IConfigurationSection section)
    {
        ConnectionString = section[nameof(ConnectionString)] ?? ConnectionString;
        DisableHealthChecks = Switch(section, nameof(DisableHealthChecks)) ?? DisableHealthChecks;
        DisableTracing = Switch(section, nameof(DisableTracing)) ?? DisableTracing;
        DisableMetrics = Switch(section, nameof(DisableMetrics)) ?? DisableMetrics;
    }

    /// <summary>Sets the options that the connection string has.</summary>
    /// <param name="name">The connection string's name, for errors.</param>
    /// <param name="options">The options.</param>
    /// <exception cref="InvalidOperationException">There is no connection string, or it is malformed.</exception>
    internal void Apply(string name, OrleansStreamClientOptions options)
    {
        if (string.IsNullOrWhiteSpace(ConnectionString))
            throw new InvalidOperationException($"The connection string 'ConnectionStrings:{name}' is not set. In an application host, WithReference sets it.");
        if (!ConnectionString.Contains('=', StringComparison.Ordinal))
        {
            AddEndpoints(ConnectionString, options);
            return;
        }

        foreach (var (key, value) in Parse(name, ConnectionString))
        {
            switch (key.ToUpperInvariant())
            {
                case "ENDPOINT" or "ENDPOINTS":
                    AddEndpoints(value, options);
                    break;
                case "APIKEY":
                    options.ApiKey = value;
                    break;
                case "CLIENTID":
                    options.ClientId = value;
                    break;
                default:
                    throw new InvalidOperationException(
                        $"The connection string 'ConnectionStrings:{name}' has '{key}'; it takes Endpoint, ApiKey and ClientId.");
            }
        }
    }

    private static IEnumerable<(string Key, string Value)> Parse(string name, string text)
    {
        var parsed = new DbConnectionStringBuilder();
        try
        {
            parsed.ConnectionString = text;
        }
        catch (ArgumentException)
        {
            // The parser's message may repeat a part of the text, and that can be a key.
            throw new InvalidOperationException($"The connection string 'ConnectionStrings:{name}' is malformed: write Endpoint=http://…;ApiKey=…");
        }

        return parsed.Keys.Cast<string>().Select(key => (key, (string)parsed[key]));
    }

    private static void AddEndpoints(string addresses, OrleansStreamClientOptions options)
    {
        foreach (var address in addresses.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            options.Endpoints.Add(new Uri(address, UriKind.RelativeOrAbsolute));
    }

    private static bool? Switch(IConfigurationSection section, string name) => section[name] switch
    {
        null => null,
        var text when bool.TryParse(text, out var isOn) => isOn,
        var text => throw new InvalidOperationException($"'{section.Path}:{name}' is '{text}'; it is true or false."),
    };
}
