using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;

namespace OrleansStream.Tests.Support.Services;

/// <summary>
/// Grain calls that are given time: none ends because the machine is slow, or because a test put the clock forward while it was under way.
/// </summary>
internal static class PatientCalls
{
    /// <summary>Longer than any test puts its clock forward.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromDays(30);

    /// <summary>Adds them to a silo.</summary>
    public static IServiceCollection AddPatientCalls(this IServiceCollection services) => services
        .PostConfigure<SiloMessagingOptions>(messaging => messaging.ResponseTimeout = Patience)
        .PostConfigure<ClientMessagingOptions>(messaging => messaging.ResponseTimeout = Patience);
}
