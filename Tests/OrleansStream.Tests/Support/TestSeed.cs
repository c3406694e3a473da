using System.Globalization;

namespace OrleansStream.Tests.Support;

/// <summary>The seed of a test's random choices. A failure names it, so that the same choices can be made again.</summary>
internal static class TestSeed
{
    /// <summary>The environment variable that sets it.</summary>
    public const string Variable = "ORLEANSSTREAM_TEST_SEED";

    private const int Default = 2026;

    public static int Value { get; } =
        int.TryParse(Environment.GetEnvironmentVariable(Variable), CultureInfo.InvariantCulture, out var seed) ? seed : Default;
}
