using System.Runtime.CompilerServices;

namespace OrleansStream.Tests.Support;

/// <summary>What holds for every service that a test starts, in this process or in one of its own, unless the test says otherwise.</summary>
internal static class TestEnvironment
{
    /// <summary>The setting that switches the Kafka endpoint on or off, as the environment has it.</summary>
    public const string KafkaEnabled = "OrleansStream__Kafka__Enabled";

    // All would listen on the same port, and all but one would say that it is taken.
#pragma warning disable CA2255 // Processes are started by this assembly, which is no library.
    [ModuleInitializer]
    internal static void Set() => Environment.SetEnvironmentVariable(KafkaEnabled, "false");
#pragma warning restore CA2255
}
