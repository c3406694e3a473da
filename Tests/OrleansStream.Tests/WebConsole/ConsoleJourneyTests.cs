using OrleansStream.Tests.Security;

namespace OrleansStream.Tests.WebConsole;

/// <summary>
/// The web console in a real browser, as a person uses it: sign in, make a topic, play the sample, break a consumer, take its dead letters back,
/// reset a group, revoke a key. Each page is looked at by axe, and may not scroll sideways: wide and narrow, light and dark.
/// </summary>
/// <remarks>It needs a Chromium on this machine, and downloads none.</remarks>
public sealed class ConsoleJourneyTests(SecureApi api) : IClassFixture<SecureApi>
{
    [Fact]
    public Task Console_UsedByAPerson_DoesWhatItShowsAndHasNoBarrier() => ConsoleJourney.RunAsync(api.Address, api.Bootstrap);
}
