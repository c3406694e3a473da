using OrleansStream.Hosting;

namespace OrleansStream.Tests.Hosting;

public sealed class OrleansStreamOptionsValidatorTests
{
    [Fact]
    public void Validate_WhenNothingIsSet_Succeeds() =>
        Assert.True(new OrleansStreamOptionsValidator().Validate(null, new OrleansStreamOptions()).Succeeded);

    [Fact]
    public void Validate_WhenValuesAreWrong_NamesEachKeyAndWhatItMustBe()
    {
        Check("OrleansStream:Storage:Provider is 'Foo'; it must be Files or AzureBlobs.", o => o.Storage.Provider = "Foo");
        Check("OrleansStream:Storage:Files:Directory is empty", o => o.Storage.Files.Directory = " ");
        Check("OrleansStream:Silo:Embedded is false", o => o.Silo.Embedded = false);
        Check("OrleansStream:Silo:ClusterId is '../x'", o => o.Silo.ClusterId = "../x");
        Check("OrleansStream:Silo:ServiceId is ''", o => o.Silo.ServiceId = "");
        Check("OrleansStream:Silo:SiloPort is 0", o => o.Silo.SiloPort = 0);
        Check("OrleansStream:Silo:GatewayPort is 65536", o => o.Silo.GatewayPort = 65536);
        Check("OrleansStream:Silo:ListenAddress is 'here'", o => o.Silo.ListenAddress = "here");

        static void Check(string expected, Action<OrleansStreamOptions> set)
        {
            var options = new OrleansStreamOptions();
            set(options);
            var failure = Assert.Single(new OrleansStreamOptionsValidator().Validate(null, options).Failures!);
            Assert.StartsWith(expected, failure, StringComparison.Ordinal);
        }
    }
}
