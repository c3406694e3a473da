using OrleansStream.Cli.Profiles;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.CommandLine;

/// <summary>Which service is called and who calls: the command line, then the environment, then the current profile.</summary>
public sealed class ServiceAccessTests : IDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly Dictionary<string, string> _variables = [];

    public ServiceAccessTests()
    {
        _variables["XDG_CONFIG_HOME"] = _folder.PathOf("config");
        _variables["XDG_STATE_HOME"] = _folder.PathOf("state");
    }

    private ProfileStore Store => new(_variables.GetValueOrDefault);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("localhost:9092", "http://localhost:8080/")] // as Kafka's programs are told it
    [InlineData("localhost:8081", "http://localhost:8081/")]
    [InlineData("http://localhost:9092", "http://localhost:9092/")]
    [InlineData("stream.example.com", "http://stream.example.com/")]
    [InlineData("https://stream.example.com/below", "https://stream.example.com/below")]
    public void AddressOf_WhatPeopleWrite_IsTheService(string text, string address) =>
        Assert.Equal(address, ServiceAccess.AddressOf(text).AbsoluteUri);

    [Theory]
    [InlineData("ftp://localhost")]
    [InlineData("http://")]
    [InlineData("http://localhost/?key=x")]
    [InlineData("http://me:secret@localhost")]
    public void AddressOf_WhatIsNone_IsRefusedWithoutItsSecret(string text)
    {
        var error = Assert.Throws<ArgumentException>(() => ServiceAccess.AddressOf(text));
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("localhost:9092", true)]
    [InlineData("http://localhost:9092", false)]
    [InlineData("localhost:8080", false)]
    public void MappedFrom_IsWhatWasWritten_WhereAnotherPortIsCalled(string text, bool isMapped) =>
        Assert.Equal(isMapped ? text : null, Find(new AccessChoice(text, null, null, null)).MappedFrom);

    [Fact]
    public void Find_WithoutAnything_IsTheDefaultAndNobody()
    {
        var access = Find(default);
        Assert.Equal(ServiceAccess.DefaultServer + "/", access.Server.AbsoluteUri);
        Assert.False(access.HasCredentials);
    }

    [Fact]
    public void Find_GoesByCommandLineThenEnvironmentThenProfile()
    {
        Keep("prod", new Profile { Server = "https://prod", KeyVariable = "PROD_KEY" }, isCurrent: true);
        _variables["PROD_KEY"] = "of-prod";
        Assert.Equal(("https://prod/", "of-prod"), Told(Find(default)));

        _variables["ORLEANSSTREAM_SERVER"] = "http://here";
        Assert.Equal(("http://here/", null), Told(Find(default))); // a profile's key goes to its own service only

        _variables["ORLEANSSTREAM_KEY"] = "of-environment";
        Assert.Equal(("http://here/", "of-environment"), Told(Find(default)));
        Assert.Equal(("https://prod/", "of-prod"), Told(Find(new AccessChoice(null, "prod", null, null))));

        File.WriteAllText(_folder.PathOf("key"), "of-file\n");
        Assert.Equal(("http://there/", "of-file"), Told(Find(new AccessChoice("there", null, _folder.PathOf("key"), null))));
        Assert.Equal("api://stream/.default", Find(new AccessChoice(null, null, null, "api://stream/.default")).Scope);
    }

    [Fact]
    public void Find_OfWhatIsNotThere_NamesIt()
    {
        Keep("prod", new Profile { Server = "https://prod", KeyVariable = "PROD_KEY" }, isCurrent: true);
        Assert.Contains("PROD_KEY", Assert.Throws<ArgumentException>(() => Find(default)).Message, StringComparison.Ordinal);
        Assert.Contains("profile 'test'", Assert.Throws<NotFoundException>(() => Find(new AccessChoice(null, "test", null, null))).Message, StringComparison.Ordinal);
        Assert.Contains("nowhere", Assert.Throws<NotFoundException>(() => Find(new AccessChoice(null, null, "nowhere", null))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://stream.example.com", true)]
    [InlineData("https://stream.example.com", false)]
    [InlineData("http://127.0.0.1:8080", false)]
    public void IsExposed_WhereASecretIsSentInTheClear(string server, bool isExposed)
    {
        _variables["ORLEANSSTREAM_KEY"] = "a-key";
        Assert.Equal(isExposed, Find(new AccessChoice(server, null, null, null)).IsExposed);
    }

    [Fact]
    public void Store_KeepsTheCurrentProfileOutsideTheFile()
    {
        Keep("prod", new Profile { Server = "https://prod" }, isCurrent: true);
        Assert.Equal("prod", Store.Current);
        Assert.DoesNotContain("current", File.ReadAllText(Store.Path), StringComparison.OrdinalIgnoreCase);
        _variables["ORLEANSSTREAM_PROFILE"] = "test";
        Assert.Equal("test", Store.Current);

        File.WriteAllText(Store.Path, """{"profiles":{"prod":{"server":"https://prod","key":"os_secret"}}}""");
        Assert.Contains(Store.Path, Assert.Throws<InvalidDataException>(() => Store.Read()).Message, StringComparison.Ordinal);
    }

    private void Keep(string name, Profile profile, bool isCurrent)
    {
        var document = Store.Read();
        document.Profiles[name] = profile;
        Store.Write(document);
        if (isCurrent)
            Store.Use(name);
    }

    private ServiceAccess Find(AccessChoice choice) => ServiceAccess.Find(choice, _variables.GetValueOrDefault);

    private static (string Server, string? Key) Told(ServiceAccess access) => (access.Server.AbsoluteUri, access.Key);
}
