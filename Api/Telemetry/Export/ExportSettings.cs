using Microsoft.Extensions.Options;

namespace OrleansStream.Telemetry.Export;

/// <summary>
/// Where traces, metrics and logs are sent to, by the standard variables of OpenTelemetry and Azure Monitor. With none of them set nothing is sent,
/// and nothing is collected.
/// </summary>
/// <remarks>
/// Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and
/// https://opentelemetry.io/docs/specs/otel/protocol/exporter/. A signal is sent by OTLP if its exporter is <c>otlp</c>, or if its exporter is not
/// set and an endpoint is.
/// </remarks>
/// <param name="Traces">Where traces go by OTLP.</param>
/// <param name="Metrics">Where metrics go by OTLP.</param>
/// <param name="Logs">Where logs go by OTLP.</param>
/// <param name="AzureMonitor">The connection string of Application Insights; null for none.</param>
internal sealed record ExportSettings(SignalSettings Traces, SignalSettings Metrics, SignalSettings Logs, string? AzureMonitor)
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>True when traces are collected.</summary>
    public bool HasTraces => Traces.IsSent || AzureMonitor is not null;

    /// <summary>True when metrics are collected to be sent.</summary>
    public bool HasMetrics => Metrics.IsSent || AzureMonitor is not null;

    /// <summary>True when logs are sent.</summary>
    public bool HasLogs => Logs.IsSent || AzureMonitor is not null;

    /// <summary>True when anything is sent.</summary>
    public bool HasAny => HasTraces || HasMetrics || HasLogs;

    /// <summary>Reads the variables.</summary>
    /// <param name="configuration">The process's configuration, which has its environment.</param>
    /// <exception cref="OptionsValidationException">A variable has a value that is not understood.</exception>
    public static ExportSettings Read(IConfiguration configuration)
    {
        if (string.Equals(configuration["OTEL_SDK_DISABLED"], "true", StringComparison.OrdinalIgnoreCase))
            return new ExportSettings(SignalSettings.None, SignalSettings.None, SignalSettings.None, AzureMonitor: null);
        var azure = configuration["APPLICATIONINSIGHTS_CONNECTION_STRING"];
        return new ExportSettings(
            ReadSignal(configuration, "TRACES"), ReadSignal(configuration, "METRICS"), ReadSignal(configuration, "LOGS"),
            string.IsNullOrWhiteSpace(azure) ? null : azure);
    }

    private static SignalSettings ReadSignal(IConfiguration configuration, string signal)
    {
        var variable = $"OTEL_{signal}_EXPORTER";
        var own = $"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT";
        var isSent = configuration[variable]?.Trim() switch
        {
            null or "" => IsSet(configuration, Endpoint) || IsSet(configuration, own),
            "otlp" => true,
            "none" => false,
            var other => throw Invalid($"{variable} is '{other}'; it must be otlp or none. Prometheus needs no variable: it scrapes /metrics."),
        };
        if (!isSent)
            return SignalSettings.None;
        _ = ReadUri(configuration, Endpoint);
        return new SignalSettings(
            IsSent: true, ReadUri(configuration, own), ReadProtocol(configuration, $"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL"),
            Text(configuration, $"OTEL_EXPORTER_OTLP_{signal}_HEADERS"));
    }

    private static Uri? ReadUri(IConfiguration configuration, string variable)
    {
        if (Text(configuration, variable) is not { } text)
            return null;
        return Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? new Uri(text)
            : throw Invalid($"{variable} is no address; it must be http://… or https://….");
    }

    private static string? ReadProtocol(IConfiguration configuration, string variable)
    {
        const string common = "OTEL_EXPORTER_OTLP_PROTOCOL";
        foreach (var name in (string[])[variable, common])
        {
            if (Text(configuration, name) is { } text && text is not ("grpc" or "http/protobuf"))
                throw Invalid($"{name} is '{text}'; it must be grpc or http/protobuf.");
        }

        return Text(configuration, variable);
    }

    private static bool IsSet(IConfiguration configuration, string variable) => Text(configuration, variable) is not null;

    private static string? Text(IConfiguration configuration, string variable) =>
        configuration[variable]?.Trim() is { Length: > 0 } text ? text : null;

    private static OptionsValidationException Invalid(string message) => new("OTEL", typeof(ExportSettings), [message]);
}

/// <summary>Where one signal is sent to by OTLP. What is null here is as the variables for all signals say.</summary>
/// <param name="IsSent">True when it is sent.</param>
/// <param name="Endpoint">Its own endpoint, used as it is.</param>
/// <param name="Protocol">Its own protocol: <c>grpc</c> or <c>http/protobuf</c>.</param>
/// <param name="Headers">Its own headers, which may hold secrets.</param>
internal sealed record SignalSettings(bool IsSent, Uri? Endpoint = null, string? Protocol = null, string? Headers = null)
{
    /// <summary>It is not sent.</summary>
    public static readonly SignalSettings None = new(IsSent: false);

    /// <summary>Does not show the headers.</summary>
    public override string ToString() => $"{(IsSent ? "sent" : "not sent")} {Endpoint}";
}
