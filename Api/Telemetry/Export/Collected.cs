using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OrleansStream.Instrumentation;

namespace OrleansStream.Telemetry.Export;

/// <summary>What is collected of a process, wherever it goes.</summary>
internal static class Collected
{
    // What ASP.NET Core and .NET measure by themselves.
    private static readonly string[] PlatformMeters = ["Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime"];

    /// <summary>Describes the process; the standard variables say the last word.</summary>
    /// <param name="resource">Takes the description.</param>
    /// <param name="service">The name of the process.</param>
    public static void Describe(ResourceBuilder resource, string service)
    {
        resource.AddService(service, serviceVersion: ProgramVersion.Of(typeof(Collected).Assembly)).AddEnvironmentVariableDetector();
    }

    /// <summary>Chooses the meters.</summary>
    /// <param name="metrics">Collects them.</param>
    /// <param name="others">Meters besides the service's own and the platform's.</param>
    public static void Choose(MeterProviderBuilder metrics, IEnumerable<string> others) =>
        metrics.AddMeter([StreamTelemetry.Name, .. PlatformMeters, .. others]);
}
