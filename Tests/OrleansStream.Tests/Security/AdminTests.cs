using System.Collections.Frozen;
using OrleansStream.Gateway.Security;
using OrleansStream.Security;

namespace OrleansStream.Tests.Security;

/// <summary>Who administers by the service's settings.</summary>
public sealed class AdminTests
{
    [Theory]
    [InlineData("anna"), InlineData("user:"), InlineData("key:crawler"), InlineData("anonymous")]
    public void Admins_ThatNameNobody_AreRefusedByName(string admin)
    {
        var failures = new SecurityOptionsValidator().Validate(null, new SecurityOptions { ApiKeys = true, Admins = [admin] }).Failures!;
        Assert.Contains($"OrleansStream:Security:Admins has '{admin}'", Assert.Single(failures), StringComparison.Ordinal);
    }

    [Fact]
    public void Admins_WhereNobodySignsIn_AreRefused() => Assert.Contains(
        "nobody signs in", Assert.Single(new SecurityOptionsValidator().Validate(null, new SecurityOptions { Admins = ["user:anna"] }).Failures!), StringComparison.Ordinal);

    [Theory]
    [InlineData("anna", "", true), InlineData("ben", "ops", true), InlineData("ben", "", false), InlineData("ben", "anna", false)]
    public void Admins_BySettings_MayDoEverythingAndOthersNothing(string user, string group, bool isAdmin)
    {
        var rules = new AccessRuleSet("1", StoredAccess.None, new[] { "user:anna", "group:ops" }.ToFrozenSet(StringComparer.Ordinal));
        var rights = rules.Compile(new Principal(PrincipalKind.User, user) { Groups = group.Length == 0 ? [] : [group] });
        Assert.Equal(isAdmin ? AccessOperations.All : AccessOperations.None, rights.On(ResourceKind.Topic, "any"));
    }
}
